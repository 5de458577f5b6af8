# Runs one file of tests in a process of its own: worker.tcl FILE BINARY ROOT PORT_BASE PORT_COUNT PROVIDER KEEP ONLY
# Prints a Tcl list a line: {ok NAME MS}, {err NAME TEXT}, {skip NAME REASON}, {broken TEXT}.

set here [file dirname [file normalize [info script]]]
lassign $argv file ::server_binary ::root ::port_base ::port_count ::provider ::keep only
set ::pids {}
foreach part {client server test state} {
    source $here/$part.tcl
}
set ::only_tests $only
fconfigure stdout -encoding utf-8 -translation lf
if {[catch {source -encoding utf-8 $file} message detail]} {
    if {[lindex [dict get $detail -errorcode] 0] eq "SKIP"} {
        report skip "the whole file" $message
    } else {
        report broken [dict get $detail -errorinfo]
    }
}
foreach pid $::pids {
    catch {exec kill -KILL $pid}
}
