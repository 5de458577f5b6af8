# Sorted sets: a large one that does not fit the record cache against a model, over reloads, restarts and crashes; encodings,
# and what ranges take away.
# tags: zset
# providers: all

# The model: an array of member -> score, and its members in order.
proc in_order {model} {
    upvar 1 $model m
    set pairs {}
    foreach {member score} [array get m] {
        lappend pairs [list $score $member]
    }
    set out {}
    foreach pair [lsort -integer -index 0 [lsort -index 1 $pairs]] {
        lappend out [lindex $pair 1]
    }
    return $out
}

proc same_as_model {} {
    set order [in_order ::model]
    set n [llength $order]
    equal [r zcard big] $n
    equal [r zrange big 0 -1] $order
    for {set i 0} {$i < 300} {incr i} {
        set rank [random $n]
        set member [lindex $order $rank]
        equal [r zrank big $member] $rank $member
        equal [r zrevrank big $member] [expr {$n - 1 - $rank}] $member
        equal [r zscore big $member] $::model($member) $member
        equal [r zrange big $rank [expr {$rank + 2}]] [lrange $order $rank [expr {$rank + 2}]]
    }
    for {set i 0} {$i < 50} {incr i} {
        set low [random 1000]
        set high [expr {$low + [random 50]}]
        set inside {}
        foreach member $order {
            if {$::model($member) >= $low && $::model($member) <= $high} {
                lappend inside $member
            }
        }
        equal [r zcount big $low $high] [llength $inside]
        equal [r zrangebyscore big $low $high] $inside
        equal [r zrevrangebyscore big $high $low] [lreverse $inside]
    }
}

proc change_at_random {n} {
    for {set i 0} {$i < $n} {incr i} {
        set member m:[random 20000]
        if {[random 4] == 0} {
            equal [r zrem big $member] [info exists ::model($member)]
            array unset ::model $member
        } else {
            set score [random 1000]
            equal [r zadd big $score $member] [expr {![info exists ::model($member)]}]
            set ::model($member) $score
        }
    }
}

server {record-cache-memory 1mb dirty-memory 1mb fold-interval 50 block-cache-memory 1mb} {
    array set ::model {}

    test "A large sorted set is as the model says" {
        seed 4711
        change_at_random 20000
        same_as_model
        equal [r object encoding big] skiplist
    }

    test "The same read back from the store" {
        r debug reload
        same_as_model
        change_at_random 2000
        same_as_model
    }

    test "The same after a restart and after a crash" {
        restart
        same_as_model
        change_at_random 2000
        crash
        same_as_model
    }

    test "ZSCAN sees every member once" {
        set cursor 0
        set seen {}
        while 1 {
            lassign [r zscan big $cursor count 77] cursor part
            foreach {member score} $part {
                equal $score $::model($member) $member
                lappend seen $member
            }
            if {$cursor == 0} {
                break
            }
        }
        equal [lsort $seen] [lsort [array names ::model]]
    }

    test "Ranges and ends that go" {
        set order [in_order ::model]
        equal [r zremrangebyrank big 100 2099] 2000
        foreach member [lrange $order 100 2099] {
            unset ::model($member)
        }
        same_as_model
        set gone 0
        foreach member [array names ::model] {
            if {$::model($member) >= 400 && $::model($member) < 500} {
                unset ::model($member)
                incr gone
            }
        }
        equal [r zremrangebyscore big 400 (500] $gone
        same_as_model
        set order [in_order ::model]
        set popped {}
        foreach {member score} [r zpopmin big 500] {
            lappend popped $member
            unset ::model($member)
        }
        equal $popped [lrange $order 0 499]
        set popped {}
        foreach {member score} [r zpopmax big 500] {
            lappend popped $member
            unset ::model($member)
        }
        equal $popped [lrange [lreverse $order] 0 499]
        crash
        same_as_model
    }

    test "Its copy and its union are the same again" {
        r copy big twin
        equal [r zrange twin 0 -1 withscores] [r zrange big 0 -1 withscores]
        r zunionstore sum 2 big twin weights 1 -1
        equal [r zcount sum 0 0] [r zcard big]
        equal [r zinterstore both 2 big twin aggregate max] [r zcard big]
        equal [r zrange both 0 -1 withscores] [r zrange big 0 -1 withscores]
        equal [r zdiffstore none 2 big twin] 0
        restart
        equal [r zrange both 0 -1 withscores] [r zrange big 0 -1 withscores]
    }

    test "Deleting it at once gives the space back" {
        equal [r unlink big twin both sum] 4
        equal [r dbsize] 0
        r zadd big 1 new
        equal [r zrange big 0 -1] new
        crash
        equal [r zrange big 0 -1] new
    }
}

server {zset-max-listpack-entries 4 zset-max-listpack-value 8} {
    test "Encodings follow the limits, also of results" {
        r zadd z 1 a 2 b 3 c 4 d
        equal [r object encoding z] listpack
        r zadd z 5 a
        equal [r object encoding z] listpack
        r zrangestore copy z 0 -1
        equal [r object encoding copy] listpack
        r zadd z 6 e
        equal [r object encoding z] skiplist
        r zadd copy 1 123456789
        equal [r object encoding copy] skiplist
        r zunionstore sum 2 z copy
        equal [r object encoding sum] skiplist
        r zinterstore common 2 z copy
        equal [r object encoding common] listpack
        r zrem z b c d
        equal [r object encoding z] skiplist
        restart
        equal [r object encoding z] skiplist
        equal [r object encoding common] listpack
        equal [r zrange z 0 -1 withscores] {a 5 e 6}
    }

    test "Scores of every kind survive" {
        set scores {-inf -1.7976931348623157e+308 -1e-300 -5e-324 0 5e-324 0.1 1 3.5 9007199254740993 1e+100 +inf}
        set i 0
        foreach score $scores {
            r zadd s $score m[format %02d $i]
            incr i
        }
        set before [r zrange s 0 -1 withscores]
        equal [lmap {member score} $before {set member}] {m00 m01 m02 m03 m04 m05 m06 m07 m08 m09 m10 m11}
        crash
        equal [r zrange s 0 -1 withscores] $before
        restart
        equal [r zrange s 0 -1 withscores] $before
        equal [r zrangebyscore s (-inf (0] {m01 m02 m03}
        equal [r zrangebyscore s (5e-324 +inf] {m06 m07 m08 m09 m10 m11}
    }
}
