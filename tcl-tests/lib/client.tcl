# A RESP client: [client::connect PORT] gives a command; "$c get key" sends a command and returns its answer. Error
# replies are raised with the text as message and {REDIS text} as error code. Values are bytes; nil is the empty string.
#   $c send ARG...   sends without waiting       $c read          reads one reply
#   $c raw BYTES     sends bytes as they are     $c close         hangs up
#   $c alive         false when the server is gone

namespace eval client {
    variable next 0
    variable sockets
    variable timeout_ms 60000

    proc set_timeout {ms} {
        variable timeout_ms $ms
    }

    proc connect {port {host 127.0.0.1}} {
        variable next
        variable sockets
        set s [socket $host $port]
        fconfigure $s -translation binary -buffering full -blocking 0
        set name ::client::c[incr next]
        set sockets($name) $s
        interp alias {} $name {} ::client::dispatch $name
        return $name
    }

    proc dispatch {name verb args} {
        variable sockets
        if {![info exists sockets($name)]} {
            error "client is closed" "" {CLIENT closed}
        }
        set s $sockets($name)
        switch -- $verb {
            send { write $s $args; flush $s }
            queue { write $s $args }
            flush { flush $s }
            read { return [read_reply $s] }
            raw { puts -nonewline $s [lindex $args 0]; flush $s }
            close {
                catch {close $s}
                unset sockets($name)
                rename $name {}
            }
            alive { return [expr {![catch {write $s PING; flush $s; read_reply $s}]}] }
            default {
                write $s [linsert $args 0 $verb]
                flush $s
                return [read_reply $s]
            }
        }
        return
    }

    proc write {s argv} {
        set out "*[llength $argv]\r\n"
        foreach a $argv {
            # Text outside of Latin-1 goes out as UTF-8, bytes as they are.
            if {![string is ascii $a] && [regexp {[^\u0000-\u00ff]} $a]} {
                set a [encoding convertto utf-8 $a]
            }
            append out "\$[string length $a]\r\n$a\r\n"
        }
        puts -nonewline $s $out
    }

    # Waits for input, at most timeout_ms in all.
    proc wait_readable {s} {
        variable timeout_ms
        variable ready_$s
        set ready_$s 0
        set timer [after $timeout_ms [list set ::client::ready_$s timeout]]
        fileevent $s readable [list set ::client::ready_$s 1]
        vwait ::client::ready_$s
        fileevent $s readable {}
        after cancel $timer
        if {[set ready_$s] eq "timeout"} {
            error "no answer within $timeout_ms ms" "" {CLIENT timeout}
        }
    }

    proc read_line {s} {
        while {[gets $s line] < 0} {
            if {[eof $s]} {
                error "connection closed by the server" "" {CLIENT eof}
            }
            wait_readable $s
        }
        return [string range $line 0 end-1]
    }

    proc read_bytes {s n} {
        set data ""
        while {[string length $data] < $n} {
            set part [::read $s [expr {$n - [string length $data]}]]
            if {$part eq "" && [eof $s]} {
                error "connection closed by the server" "" {CLIENT eof}
            }
            if {$part eq ""} {
                wait_readable $s
            }
            append data $part
        }
        return $data
    }

    proc read_reply {s} {
        set line [read_line $s]
        set rest [string range $line 1 end]
        switch -- [string index $line 0] {
            "+" - ":" - "," - "(" - "#" { return $rest }
            "-" - "!" { return -code error -errorcode [list REDIS $rest] $rest }
            "_" { return "" }
            "$" - "=" {
                if {$rest < 0} {
                    return ""
                }
                set v [read_bytes $s $rest]
                read_bytes $s 2
                return $v
            }
            "*" - "~" - ">" { return [read_list $s $rest] }
            "%" { return [read_list $s [expr {$rest * 2}]] }
            "|" {
                read_list $s [expr {$rest * 2}]
                return [read_reply $s]
            }
        }
        error "protocol error: $line" "" {CLIENT protocol}
    }

    proc read_list {s n} {
        set out {}
        for {set i 0} {$i < $n} {incr i} {
            # An error inside of an array is an element.
            if {[catch {read_reply $s} v opt] && [lindex [dict get $opt -errorcode] 0] ne "REDIS"} {
                return -options $opt $v
            }
            lappend out $v
        }
        return $out
    }
}
