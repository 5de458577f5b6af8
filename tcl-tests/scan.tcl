# SCAN's promise: what is there from the first call to the last is answered, whatever else happens meanwhile.
# tags: scan

server {fold-interval 20} {
    for {set i 0} {$i < 3000} {incr i} {
        r set stays:$i $i
    }

    # Walks through all keys, with something done between the calls.
    proc walk {between args} {
        set cursor 0
        set seen {}
        set calls 0
        while 1 {
            lassign [r scan $cursor {*}$args] cursor keys
            foreach k $keys {
                dict incr seen $k
            }
            if {$cursor == 0} {
                return $seen
            }
            if {[incr calls] % 10 == 0} {
                uplevel 1 $between
            }
        }
    }
    proc all_seen {seen} {
        for {set i 0} {$i < 3000} {incr i} {
            if {![dict exists $seen stays:$i]} {
                fail "stays:$i was not answered ([dict size $seen] keys were)"
            }
        }
    }

    test "under writes and deletes" {
        set seen [walk {
            for {set i 0} {$i < 50} {incr i} {
                r set comes:[random 100000] v
                r del comes:[random 100000]
                r incr stays:[random 3000]
            }
        } count 20]
        all_seen $seen
        foreach k [r keys comes:*] {
            r del $k
        }
    }

    test "without a change every key comes once" {
        set seen [walk {} count 7]
        all_seen $seen
        equal [dict size $seen] 3000
        equal [lsort -unique [dict values $seen]] 1
    }

    test "across DEBUG RELOAD, a restart and a crash" {
        set seen [walk {
            switch [random 6] {
                0 { restart }
                1 { crash }
                2 { r debug reload }
            }
        } count 25]
        all_seen $seen
        equal [dict size $seen] 3000
        equal [lsort -unique [dict values $seen]] 1
    }
}
