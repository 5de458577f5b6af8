# Every storage provider keeps the data set over stops, crashes and reloads.
# providers: all
# tags: persist

server {fold-interval 30} {
    test "Random writes survive" {
        seed 2024
        for {set round 0} {$round < 9} {incr round} {
            random_writes 300 100
            set before [state]
            switch [expr {$round % 3}] {
                0 { crash }
                1 { restart }
                2 { r debug reload }
            }
            same_state [state] $before
        }
    }

    test "SCAN and DBSIZE agree afterwards" {
        set n [r dbsize]
        equal [llength [lsort -unique [scan_all count 10]]] $n
        restart
        equal [r dbsize] $n
        equal [llength [lsort -unique [scan_all count 10]]] $n
    }

    test "Deadlines pass after a restart" {
        r flushall
        for {set i 0} {$i < 200} {incr i} {
            r set k:$i v PX [expr {400 + $i}]
        }
        r set stays v
        restart
        eventually 5000 {[r dbsize] == 1}
        equal [r keys *] stays
    }
}
