<?php
// PvMonit's own functions and scripts, unmodified, by a clock of the test's: `php pvmonit.php FOLDER` answers
// one line of JSON for each on its standard input. In PHP a function of one's own namespace goes first, so
// date() and time() below are the clock that they see.

namespace PvMonit;

use PDO, PDOException, Exception, SimpleXMLElement;

include "$argv[1]/function.php";

$source = file_get_contents("$argv[1]/domo/domo.php");
$start = strpos($source, 'function xml_data_get(');
$end = strpos($source, '$dataCheckTime=0;');   // here its endless loop begins
if (!$start || !$end) {
    exit("domo.php is another than this was made for\n");
}
$clock = 0;
$config = ['printMessage' => 0, 'printMessageLogfile' => false];
define('PVMONIT', substr($source, $start, $end - $start));
function time() { return $GLOBALS['clock']; }
function date($format) { return \date($format, $GLOBALS['clock']); }
function function_exists($name) { return \function_exists("PvMonit\\$name"); }

$begun = false;
while (($line = fgets(STDIN)) !== false) {
    $asked = json_decode($line, true);
    clearstatcache();   // another process removes files too
    $clock = $asked['now'];
    $config['domo'] = $asked['domo'];
    if (!$begun) {
        eval('namespace PvMonit; use PDO, PDOException, Exception, SimpleXMLElement; ' . PVMONIT);
        $begun = true;
    }
    $dbco = new PDO('sqlite:' . $config['domo']['dbFile']);
    $told = [];
    foreach ($asked['calls'] ?? [] as [$name, $arguments]) {
        $told[] = ("PvMonit\\$name")(...$arguments);
    }
    foreach ($asked['scripts'] ?? [] as [$relay, $file, $prefix]) {
        $config['domo']['prefixFileData'] = $prefix;
        foreach ($asked['vars'] as $name => $value) {
            $GLOBALS[$name] = $value;
        }
        $thisId = $relay;
        $thisEtat = $relayEtat[$relay];
        $thisMod = $relayMod[$relay];
        unset($return, $retour);
        $told[$relay] = eval('namespace PvMonit; ?>' . file_get_contents($file));
    }
    echo json_encode($told), "\n";
}
