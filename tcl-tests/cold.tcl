# A data set larger than the record cache: keys come from the store and go again.
# tags: cold

server {record-cache-memory 1mb dirty-memory 1mb fold-interval 50 block-cache-memory 1mb} {
    set ::n 30000
    proc value {i} {
        return $i:[string repeat [format %c [expr {97 + $i % 26}]] 200]
    }
    # Sends one command for each number and hands each answer to a script.
    proc each {numbers command check} {
        foreach part [split_in $numbers 500] {
            foreach i $part {
                r queue {*}[subst $command]
            }
            r flush
            foreach i $part {
                set answer [r read]
                eval $check
            }
        }
    }
    proc split_in {list n} {
        set out {}
        for {set i 0} {$i < [llength $list]} {incr i $n} {
            lappend out [lrange $list $i [expr {$i + $n - 1}]]
        }
        return $out
    }
    proc numbers {from to} {
        set out {}
        for {set i $from} {$i < $to} {incr i} {
            lappend out $i
        }
        return $out
    }
    proc some {n} {
        set out {}
        for {set i 0} {$i < $n} {incr i} {
            lappend out [random $::n]
        }
        return $out
    }

    test "Every key is right" {
        each [numbers 0 $::n] {set k:$i [value $i]} {equal $answer OK}
        equal [r dbsize] $::n
        each [some 5000] {get k:$i} {equal $answer [value $i] k:$i}
        each [some 2000] {get missing:$i} {equal $answer {}}
        equal [r dbsize] $::n
    }

    test "The record cache stays within its budget" {
        eventually 10000 {[info_field record_cache_bytes] < 3 * 1048576}
    }

    test "Changes to cold keys" {
        seed 12
        each [numbers 0 1000] {append k:$i x} {equal $answer [expr {[string length [value $i]] + 1}]}
        each [numbers 1000 2000] {setrange k:$i 0 Y} {equal $answer [string length [value $i]]}
        each [numbers 2000 3000] {del k:$i} {equal $answer 1}
        each [numbers 3000 4000] {rename k:$i k:[expr {$i - 1000}]} {equal $answer OK}
        each [numbers 4000 5000] {expire k:$i 100000} {equal $answer 1}
        each [numbers 5000 6000] {setnx k:$i x} {equal $answer 0}
        each [numbers 6000 7000] {set k:$i 5} {}
        each [numbers 6000 7000] {incr k:$i} {equal $answer 6}
        equal [r dbsize] [expr {$::n - 1000}]
        each [numbers 0 1000] {get k:$i} {equal $answer [value $i]x}
        each [numbers 1000 2000] {get k:$i} {equal $answer Y[string range [value $i] 1 end]}
        each [numbers 2000 3000] {get k:$i} {equal $answer [value [expr {$i + 1000}]]}
        each [numbers 3000 4000] {exists k:$i} {equal $answer 0}
        each [numbers 4000 5000] {ttl k:$i} {between 99000 $answer 100000}
        each [numbers 6000 7000] {get k:$i} {equal $answer 6}
    }

    test "DBSIZE, SCAN and KEYS are exact, before and after a crash" {
        foreach step {now crashed restarted} {
            equal [r dbsize] [expr {$::n - 1000}] $step
            set keys [scan_all count 1000]
            equal [llength $keys] [expr {$::n - 1000}] $step
            equal [llength [lsort -unique $keys]] [expr {$::n - 1000}] $step
            equal [llength [r keys k:29*]] [llength [lsearch -all $keys k:29*]] $step
            switch $step {
                now { crash }
                crashed { restart }
            }
        }
    }

    test "Deadlines of cold keys pass" {
        each [numbers 10000 12000] {pexpire k:$i 50} {equal $answer 1}
        eventually 10000 {[r dbsize] == $::n - 3000}
        each [numbers 10000 12000] {exists k:$i} {equal $answer 0}
    }

    test "RANDOMKEY finds cold keys" {
        set seen {}
        for {set i 0} {$i < 200} {incr i} {
            set k [r randomkey]
            assert {[r exists $k]}
            dict set seen $k 1
        }
        assert {[dict size $seen] > 100}
    }

    test "FLUSHALL leaves nothing" {
        equal [r flushall] OK
        equal [r dbsize] 0
        equal [scan_all count 1000] {}
        each [some 500] {get k:$i} {equal $answer {}}
        crash
        equal [r dbsize] 0
    }
}
