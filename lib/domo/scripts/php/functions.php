<?php
// The functions that PvMonit gives to its scripts, under the same names. They ask domo's memory instead of
// files and SQLite, and answer what PvMonit's own do, except for what MIGRATION.md lists.

/** The world of a tick, as domo hands it over; scripts see it through the functions below. */
final class DomoPast
{
    public const OVER = 3;      // marks a timer that has ended
    public const IN = 1;        // marks a regulator that was in the stage when it was last asked about
    public const LEFT = 2;      // and one that has left it: the timer says since when
    public const LONGEST = 366 * 86400;

    public static float $wall = 0;      // epoch s
    public static int $now = 0;         // the same in whole seconds, as time() gives it
    public static array $relays = [];   // by number: up, upAuto, down (epoch s or false), ups (epoch s each)
    public static array $timers = [];   // by name: [age (s), length (s), mark]

    /** Seconds since a timer was set, in whole seconds of the clock, as PvMonit counts them. */
    public static function age(array $timer): int
    {
        return self::$now - (int) floor(self::$wall - $timer[0] + 0.005);   // ages are kept in ms
    }

    /** Whether the regulator is in a stage, or left it no longer than these seconds ago. The time counts
     *  from the first question after it was left. */
    public static function inStage(string $name, string $stage, $cs, $seconds): bool
    {
        if (preg_match($stage, (string) $cs)) {
            if ($seconds != 0) {
                self::$timers[$name] = [0, 0, self::IN];
            }
            return true;
        }
        $timer = self::$timers[$name] ?? null;
        if ($seconds == 0 || $timer === null) {
            return false;
        }
        if ($timer[2] == self::IN) {
            self::$timers[$name] = [0, 0, self::LEFT];
            return true;
        }
        if (self::age($timer) > $seconds) {
            unset(self::$timers[$name]);
            return false;
        }
        return true;
    }
}

function MpptAbsOrFlo($cs, $timeUpNoBago = 60)
{
    return DomoPast::inStage('PvMonit MpptAbsOrFlo', '/^Absorption|^Float/', $cs, $timeUpNoBago);
}

function MpptFlo($cs, $timeUpNoBago = 60)
{
    return DomoPast::inStage('PvMonit MpptFlo', '/^Float/', $cs, $timeUpNoBago);
}

function relayLastUp($relay)
{
    return DomoPast::$relays[$relay]['up'] ?? false;
}

function relayLastUpAuto($relay)
{
    return DomoPast::$relays[$relay]['upAuto'] ?? false;
}

function relayLastDown($relay)
{
    return DomoPast::$relays[$relay]['down'] ?? false;
}

/** Whether it was switched on in the last 12 hours. */
function relayUpToday($relay)
{
    foreach (DomoPast::$relays[$relay]['ups'] ?? [] as $date) {
        if ($date > DomoPast::$now - 43200) {
            return true;
        }
    }
    return false;
}

/** Whether it was switched on in the last 12 hours, and is off now. */
function relayUpDownToday($relay)
{
    return relayUpToday($relay) && (DomoPast::$relays[$relay]['state'] ?? 0) == 0;
}

function timeUpMax($relay, $timeUp)
{
    return relayLastUpAuto($relay) + $timeUp < DomoPast::$now;
}

function timeUpMin($relay, $timeUp)
{
    return relayLastUpAuto($relay) + $timeUp > DomoPast::$now;
}

function timerStart($name, $time)
{
    DomoPast::$timers[(string) $name] = [0, min(max(0, (float) $time), DomoPast::LONGEST), 0];
}

/** True while it runs, and for one that was never started; false when it has ended. */
function timerOn($name)
{
    $timer = DomoPast::$timers[(string) $name] ?? null;
    if ($timer === null) {
        return true;
    }
    if ($timer[2] != DomoPast::OVER && DomoPast::age($timer) <= $timer[1]) {
        return true;
    }
    DomoPast::$timers[(string) $name] = [0, 0, DomoPast::OVER];   // kept while somebody asks
    return false;
}

function trucAdir($niveau, $msg)
{
    echo $msg, "\n";
}
