# Tests and assertions. A failing assertion fails its test; any other error does so too, and the file goes on. A test's body
# has variables of its own; what several share is global (::name).

set ::only_tests {}

proc report {kind args} {
    puts [list $kind {*}$args]
    flush stdout
}

proc test {name body} {
    if {$::only_tests ne "" && ![string match $::only_tests $name]} {
        return
    }
    set start [clock milliseconds]
    if {[catch {apply [list {} $body]} message detail]} {
        switch -- [lindex [dict get $detail -errorcode] 0] {
            SKIP { report skip $name $message }
            ASSERT { report err $name $message }
            default { report err $name [dict get $detail -errorinfo] }
        }
        # A test that broke in the middle may leave answers behind: start with a fresh connection.
        catch {
            r close
            dict set srv::current client [new_client]
            interp alias {} r {} [dict get $srv::current client]
        }
        return
    }
    report ok $name [expr {[clock milliseconds] - $start}]
}

proc skip {reason} {
    return -code error -errorcode SKIP $reason
}

proc fail {message} {
    return -code error -errorcode ASSERT $message
}

proc clip {text} {
    set text [string map {\r \\r \n \\n} $text]
    if {[string length $text] > 300} {
        set text "[string range $text 0 299]..."
    }
    return $text
}

proc assert {condition} {
    if {![uplevel 1 [list expr $condition]]} {
        fail "does not hold: [string trim $condition]"
    }
}

proc equal {got expected {what ""}} {
    if {$got ne $expected} {
        fail "expected '[clip $expected]', got '[clip $got]'[expr {$what eq "" ? "" : " ($what)"}]"
    }
}

# The glob pattern matches.
proc like {got pattern} {
    if {![string match $pattern $got]} {
        fail "expected something like '[clip $pattern]', got '[clip $got]'"
    }
}

proc between {low value high} {
    if {!($low <= $value && $value <= $high)} {
        fail "expected a number from $low to $high, got '[clip $value]'"
    }
}

# The script raises an error whose text matches the pattern.
proc refuses {pattern script} {
    if {![catch {uplevel 1 $script} message]} {
        fail "expected an error like '$pattern', got the answer '[clip $message]'"
    }
    like $message $pattern
}

# Waits until the condition holds.
proc eventually {ms condition} {
    set deadline [expr {[clock milliseconds] + $ms}]
    while {![uplevel 1 [list expr $condition]]} {
        if {[clock milliseconds] > $deadline} {
            fail "does not hold after $ms ms: [string trim $condition]"
        }
        after 10
    }
}

# Reproducible random numbers.
proc seed {n} {
    expr {srand($n)}
}
proc random {n} {
    return [expr {int(rand() * $n)}]
}
proc random_bytes {n} {
    set out ""
    for {set i 0} {$i < $n} {incr i} {
        append out [format %c [random 256]]
    }
    return $out
}

# All keys by SCAN, with its arguments.
proc scan_all {args} {
    set cursor 0
    set keys {}
    while 1 {
        lassign [r scan $cursor {*}$args] cursor part
        lappend keys {*}$part
        if {$cursor == 0} {
            return $keys
        }
    }
}
