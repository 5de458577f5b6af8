# Starts and stops servers. Each has a folder of its own below $::root and a free port.
#   server {name value ...} BODY   runs BODY with a fresh server; r is its client; afterwards it is stopped and removed
#   restart                        SIGTERM, then start on the same data
#   crash                          SIGKILL, then start on the same data
#   new_client                     one more connection to the current server
#   info FIELD                     a field of INFO
#   server_log                     the log's text

namespace eval srv {
    variable current {}
    variable count 0
    variable last_port 0

    # A port that nobody listens on, from this worker's range.
    proc free_port {} {
        variable last_port
        for {set i 0} {$i < $::port_count} {incr i} {
            set last_port [expr {($last_port + 1) % $::port_count}]
            set port [expr {$::port_base + $last_port}]
            if {![catch {socket -server {apply {args {}}} -myaddr 127.0.0.1 $port} s]} {
                close $s
                return $port
            }
        }
        error "no free port in $::port_base..[expr {$::port_base + $::port_count - 1}]"
    }

    proc launch {s} {
        set dir [dict get $s dir]
        set port [free_port]
        set f [open $dir/orbit.conf w]
        puts $f "bind 127.0.0.1\nport $port\ndir $dir\nenable-debug-command yes\nloglevel notice"
        puts $f "repl-diskless-sync-delay 0"
        if {$::provider ne ""} {
            puts $f "storage-provider $::provider"
        }
        dict for {name value} [dict get $s options] {
            puts $f "$name $value"
        }
        close $f
        set pid [exec $::server_binary $dir/orbit.conf >> $dir/log 2>> $dir/stderr &]
        dict set s pid $pid
        dict set s port $port
        lappend ::pids $pid
        wait_ready $s
        dict set s client [client::connect $port]
        return $s
    }

    proc wait_ready {s} {
        set deadline [expr {[clock milliseconds] + 30000}]
        while 1 {
            if {![running [dict get $s pid]]} {
                error "the server did not start: [tail $s]"
            }
            if {![catch {client::connect [dict get $s port]} c]} {
                set ok [expr {![catch {$c ping} answer] && $answer eq "PONG"}]
                $c close
                if {$ok} {
                    return
                }
            }
            if {[clock milliseconds] > $deadline} {
                error "the server does not answer after 30 s: [tail $s]"
            }
            after 20
        }
    }

    # False for a zombie too (nobody but this process reaps it, and only at its next exec), once its last thread is gone.
    proc running {pid} {
        if {[catch {open /proc/$pid/stat} f]} {
            return 0
        }
        set text [read $f]
        close $f
        if {[string index [lindex [split $text ")"] end] 1] ne "Z"} {
            return 1
        }
        return [expr {![catch {glob -directory /proc/$pid/task *} tasks] && [llength $tasks] > 1}]
    }

    proc stop {s signal} {
        catch {[dict get $s client] close}
        set pid [dict get $s pid]
        catch {exec kill -$signal $pid}
        set deadline [expr {[clock milliseconds] + 20000}]
        while {[running $pid]} {
            if {[clock milliseconds] > $deadline} {
                catch {exec kill -KILL $pid}
                error "the server did not stop within 20 s of SIG$signal: [tail $s]"
            }
            after 10
        }
        set ::pids [lsearch -all -inline -not -exact $::pids $pid]
    }

    proc tail {s} {
        set text ""
        foreach name {stderr log} {
            if {![catch {open [dict get $s dir]/$name} f]} {
                append text [string range [read $f] end-1500 end]
                close $f
            }
        }
        return $text
    }

    # What must never appear in a server's output.
    proc check_output {s} {
        set text [tail $s]
        foreach bad {"REDIS BUG REPORT" "runtime error" "Sanitizer" "ASSERTION FAILED"} {
            if {[string first $bad $text] >= 0} {
                error "the server's output has '$bad': $text"
            }
        }
    }
}

proc server {options body} {
    set dir $::root/server.[incr srv::count]
    file mkdir $dir
    set outer $srv::current
    set srv::current [srv::launch [dict create dir $dir options $options]]
    interp alias {} r {} [dict get $srv::current client]
    set failed [catch {uplevel 1 $body} message detail]
    set s $srv::current
    catch {srv::stop $s TERM} stopped
    set srv::current $outer
    if {$outer ne {}} {
        interp alias {} r {} [dict get $outer client]
    }
    if {$failed} {
        return -options $detail $message
    }
    srv::check_output $s
    if {$stopped ne "" && [string match "the server did not*" $stopped]} {
        error $stopped
    }
    if {!$::keep} {
        file delete -force $dir
    }
}

proc relaunch {signal} {
    srv::stop $srv::current $signal
    set srv::current [srv::launch $srv::current]
    interp alias {} r {} [dict get $srv::current client]
}
proc restart {} {
    relaunch TERM
}
proc crash {} {
    relaunch KILL
}
proc new_client {} {
    return [client::connect [dict get $srv::current port]]
}
proc server_dir {} {
    return [dict get $srv::current dir]
}
proc server_pid {} {
    return [dict get $srv::current pid]
}
proc server_log {} {
    set f [open [server_dir]/log]
    set text [read $f]
    close $f
    return $text
}
proc info_field {field} {
    if {[regexp -line "^$field:(.*)\r?$" [r info all] -> v]} {
        return [string trim $v]
    }
    error "INFO has no field $field"
}
