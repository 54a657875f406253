<?php
// Runs the PHP scripts of one tick, one after the other, in the global scope as PvMonit does. The world
// comes as JSON on the standard input. Each answer goes to descriptor 3 as [order, why, which fault
// it is, timers] in JSON, after its length in 4 bytes; "D" says that there are no more (scripts/php.py reads them).

require __DIR__ . '/functions.php';

final class DomoScript
{
    public static string $file = '';     // of the script that runs
    private static array $world = [];
    private static array $todo = [];
    private static int $done = 0;        // scripts that ran in this process before
    private static array $before = [];   // the timers as they were before the script
    private static string $zone = '';
    private static $pipe;
    private static int $own = 0;         // this process; one that a script forks answers nothing
    private static bool $over = false;

    public static function begin(): void
    {
        self::$pipe = fopen('php://fd/3', 'wb');
        self::$own = getmypid();
        self::$world = json_decode(stream_get_contents(STDIN), true);
        self::$todo = self::$world['scripts'];
        self::$zone = self::zone();
        DomoPast::$wall = self::$world['now'];
        DomoPast::$now = (int) floor(DomoPast::$wall);
        DomoPast::$relays = self::$world['relays'];
        DomoPast::$timers = self::$world['timers'];
        register_shutdown_function([self::class, 'ended']);
        if (function_exists('pcntl_signal')) {
            pcntl_async_signals(true);
            pcntl_signal(SIGABRT, [self::class, 'stopped']);
        }
    }

    /** The time zone of PHP's own settings, which `php -n` ignores: scripts mean the hours of PvMonit. */
    private static function zone(): string
    {
        $zone = '';
        foreach ([PHP_CONFIG_FILE_PATH . '/php.ini', ...glob(PHP_CONFIG_FILE_SCAN_DIR . '/*.ini') ?: []] as $file) {
            if (preg_match('/^\s*date\.timezone\s*=\s*["\']?([\w\/+-]+)/m', (string) @file_get_contents($file), $found)) {
                $zone = $found[1];
            }
        }
        return in_array($zone, timezone_identifiers_list(DateTimeZone::ALL_WITH_BC)) ? $zone : date_default_timezone_get();
    }

    /** Prepares the next script, with nothing of the one before; false when there is none. */
    public static function next(): bool
    {
        while (self::$todo && self::$todo[0][2] !== '') {   // domo does not run it, and says why
            self::send('', self::$todo[0][2], 'script ' . basename(self::$todo[0][1]));
        }
        if (!self::$todo) {
            return false;
        }
        foreach (array_keys($GLOBALS) as $name) {
            if (!in_array($name, ['_GET', '_POST', '_COOKIE', '_FILES', '_SERVER', '_ENV', 'argv', 'argc'])) {
                unset($GLOBALS[$name]);
            }
        }
        [$relay, self::$file] = self::$todo[0];
        $GLOBALS['thisId'] = $relay;
        $GLOBALS['thisEtat'] = self::$world['relays'][$relay]['state'];
        $GLOBALS['thisMod'] = self::$world['relays'][$relay]['mode'];
        $GLOBALS['data'] = self::$world['data'];
        $GLOBALS['relayEtat'] = array_map(fn($relay) => $relay['state'], self::$world['relays']);
        $GLOBALS['relayMod'] = array_map(fn($relay) => $relay['mode'], self::$world['relays']);
        $GLOBALS['config'] = self::$world['config'];
        self::$before = DomoPast::$timers;
        date_default_timezone_set(self::$zone);
        error_reporting(E_ALL);
        set_error_handler([self::class, 'warned']);
        return true;
    }

    public static function answer($answer): void
    {
        self::settle();
        $mod = is_array($answer) ? $answer['mod'] ?? null : null;
        if (!is_numeric($mod) || !in_array((float) $mod, [1.0, 2.0])) {
            $gave = is_array($answer) ? (isset($answer['mod']) ? "the mod " . self::short($mod) : 'no mod') : 'nothing';
            self::fail(0, "gave $gave, and that is no order: \$return['mod'] is 1 (off) or 2 (on), at the end return \$return;");
            return;
        }
        $why = $answer['log'] ?? '';
        $why = is_scalar($why) ? trim((string) $why) : '';
        self::send($mod == 2 ? 'on' : 'off', $why === '' ? basename(self::$file) . ' gives no reason' : $why);
    }

    public static function failed(Throwable $error): void
    {
        self::settle();
        $line = $error->getFile() === self::$file ? $error->getLine() : 0;
        foreach ($error->getTrace() as $frame) {
            if (!$line && ($frame['file'] ?? '') === self::$file) {
                $line = $frame['line'];
            }
        }
        self::fail($line, get_class($error) . ': ' . $error->getMessage());
    }

    /** The end of the process, wanted or not: a fatal error or exit() in a script gets here too. */
    public static function ended(): void
    {
        if (self::$over) {
            return;
        }
        $error = error_get_last();
        $fatal = $error && $error['type'] & (E_ERROR | E_PARSE | E_CORE_ERROR | E_COMPILE_ERROR);
        // A name that an earlier script has taken: in a process of its own the script may be good.
        $taken = $fatal && self::$done && preg_match('/^Cannot (re)?declare /i', $error['message']);
        if (self::$todo && !$taken) {
            if ($fatal) {
                $line = $error['file'] === self::$file ? $error['line'] : 0;
                self::fail($line, strtok($error['message'], "\n"));
            } else {
                self::fail(0, 'called exit or die: end it with return $return;');
            }
        }
        self::finish();
    }

    /** Time is up: says where the script is. */
    public static function stopped(): void
    {
        foreach (debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS) as $frame) {
            if (($frame['file'] ?? '') === self::$file) {
                fwrite(self::$pipe, 'File "' . self::$file . "\", line {$frame['line']} ");
                break;
            }
        }
        self::$over = true;
        exit;
    }

    /** After a warning PHP goes on, as under PvMonit; a value that nobody reports is printed, to be read. */
    public static function warned(int $kind, string $text, string $file, int $line): bool
    {
        if ($file === self::$file && error_reporting() & $kind && preg_match('/^Undefined array key/', $text)) {
            echo basename($file), " line $line: $text\n";
        }
        return true;
    }

    public static function finish(): void
    {
        self::write('D');
        self::$over = true;
    }

    private static function settle(): void
    {
        restore_error_handler();
        while (ob_get_level()) {
            ob_end_flush();
        }
    }

    private static function fail(int $line, string $why): void
    {
        DomoPast::$timers = self::$before;
        if (preg_match('/^Error: (?:Call to undefined function (\w+)|Class "(\w+)" not found)/', $why, $found)) {
            $why .= self::missing($found[1] ?: $found[2]);
        }
        $place = '';
        if ($line) {
            $source = trim((@file(self::$file) ?: [])[$line - 1] ?? '');
            $place = " line $line" . ($source === '' ? '' : ' (' . self::text($source) . ')');
        }
        $fault = 'script ' . basename(self::$file) . $place;
        self::send('', "$fault: " . self::text($why), $fault);
    }

    /** What to do about a name of an extension that is not installed here. */
    private static function missing(string $name): string
    {
        foreach (self::$world['extensions'] as $extension => $starts) {
            foreach ($starts as $start) {
                if (stripos($name, $start) === 0 && !extension_loaded($extension)) {
                    $package = self::$world['packages'][$extension] ?? "php-$extension";
                    return "; it is in PHP's extension $extension; run: sudo apt install $package";
                }
            }
        }
        return '';
    }

    private static function line(string $text): string
    {
        $text = trim(preg_replace('/\s+/u', ' ', self::text($text)));
        return preg_match('/^.{0,500}/us', $text, $start) ? $start[0] : '';
    }

    private static function send(string $wanted, string $why, string $fault = ''): void
    {
        array_shift(self::$todo);
        self::$done++;
        [$why, $fault] = [self::line($why), self::line($fault)];
        $timers = [];
        foreach (DomoPast::$timers as $name => $timer) {
            $timers[self::text((string) $name)] = $timer;
        }
        self::write(json_encode([$wanted, $why, $fault, (object) $timers], JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE));
    }

    private static function write(string $line): void
    {
        if (getmypid() !== self::$own) {
            self::$over = true;
            exit;
        }
        fwrite(self::$pipe, pack('N', strlen($line)) . $line);
        fflush(self::$pipe);
    }

    /** A text as UTF-8; if it is not, it was written in ISO-8859-1. */
    private static function text(string $text): string
    {
        return preg_match('//u', $text) ? $text
            : preg_replace_callback('/[\x80-\xff]/', fn($byte) => chr(0xC0 | ord($byte[0]) >> 6) . chr(0x80 | ord($byte[0]) & 0x3F), $text);
    }

    private static function short($value): string
    {
        return is_scalar($value) ? substr(var_export($value, true), 0, 40) : gettype($value);
    }
}

DomoScript::begin();
while (DomoScript::next()) {
    try {
        DomoScript::answer(include DomoScript::$file);
    } catch (Throwable $e) {
        DomoScript::failed($e);
    }
}
DomoScript::finish();
