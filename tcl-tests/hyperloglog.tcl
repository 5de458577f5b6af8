# HyperLogLogs: estimates over restarts and crashes, and their bytes as those of any other string.
# providers: all
# tags: hyperloglog

proc add_range {key from to} {
    set part {}
    for {set i $from} {$i < $to} {incr i} {
        lappend part element:$i
    }
    r pfadd $key {*}$part
}

server {fold-interval 20} {
    test "Estimates are near, and the same after a crash" {
        set made 0
        foreach n {10 100 1000 3000 10000 30000} {
            add_range h $made $n
            set made $n
            set count [r pfcount h]
            assert {abs($count - $n) <= 0.05 * $n + 1}
            set bytes [r get h]
            crash
            equal [r get h] $bytes
            equal [r pfcount h] $count
        }
        equal [r pfdebug encoding h] dense
    }

    test "A copy of the bytes is a HyperLogLog" {
        r del a b
        add_range a 0 500
        r set b [r get a]
        equal [r pfcount b] [r pfcount a]
        add_range b 500 600
        add_range a 500 600
        equal [r pfcount a] [r pfcount b]
        equal [r get a] [r get b]
        r debug reload
        equal [r get a] [r get b]
    }

    test "A merge is the union" {
        r del a b c d
        add_range a 0 2000
        add_range b 1000 3000
        add_range c 0 3000
        equal [r pfmerge d a b] OK
        equal [r pfcount d] [r pfcount c]
        equal [r pfcount a b] [r pfcount c]
        crash
        equal [r pfcount d] [r pfcount c]
    }
}
