# Streams: a model of entries and one group, over reloads, restarts and crashes; large ones; waiting readers.
# tags: stream

# The number of an entry, from an ID that holds it as its milliseconds.
proc number {id} {
    return [lindex [split $id -] 0]
}

# Random changes of stream s with group g, and of the model: entries and pending, dicts from number to value or consumer.
proc random_changes {n} {
    upvar #0 entries entries pending pending next next delivered delivered
    for {set i 0} {$i < $n} {incr i} {
        set at [expr {max(1, $next - [random 60])}]
        set consumer c[random 3]
        switch [random 10] {
            0 - 1 - 2 - 3 {
                set value [string repeat [random 10] [expr {1 + [random 400]}]]
                incr next
                r xadd s $next-1 field $value
                dict set entries $next $value
            }
            4 {
                equal [r xdel s $at-1] [dict exists $entries $at]
                dict unset entries $at
            }
            5 {
                set keep [expr {100 + [random 400]}]
                r xtrim s MAXLEN $keep
                foreach key [lrange [dict keys $entries] 0 end-$keep] {
                    dict unset entries $key
                }
            }
            6 - 7 {
                foreach stream [r xreadgroup group g $consumer count [expr {1 + [random 8]}] streams s >] {
                    foreach entry [lindex $stream 1] {
                        set delivered [number [lindex $entry 0]]
                        equal [lindex $entry 1 1] [dict get $entries $delivered]
                        dict set pending $delivered $consumer
                    }
                }
            }
            8 {
                equal [r xack s g $at-1] [dict exists $pending $at]
                dict unset pending $at
            }
            9 {
                set known [dict exists $pending $at]
                set there [dict exists $entries $at]
                equal [r xclaim s g $consumer 0 $at-1 justid] [expr {$known && $there ? "$at-1" : ""}]
                if {$known && $there} {
                    dict set pending $at $consumer
                } elseif {$known} {
                    dict unset pending $at
                }
            }
        }
    }
}

proc check_model {} {
    global entries pending next delivered
    set got {}
    foreach entry [r xrange s - +] {
        lappend got [number [lindex $entry 0]] [lindex $entry 1 1]
    }
    equal $got [set entries]
    equal [r xlen s] [dict size $entries]
    set got {}
    foreach entry [r xpending s g - + 1000000] {
        lappend got [number [lindex $entry 0]] [lindex $entry 1]
    }
    equal $got [lsort -integer -stride 2 $pending]
    set own [lmap {number consumer} [lsort -integer -stride 2 $pending] {
        expr {$consumer eq "c1" ? $number : [continue]}
    }]
    equal [lmap entry [r xpending s g - + 1000000 c1] {number [lindex $entry 0]}] $own
    set group [lindex [r xinfo groups s] 0]
    equal [dict get $group last-delivered-id] [expr {$delivered ? "$delivered-1" : "0-0"}]
    equal [dict get $group pending] [dict size $pending]
    set info [r xinfo stream s]
    equal [dict get $info last-generated-id] $next-1
    equal [dict get $info entries-added] $next
}

proc new_model {} {
    global entries pending next delivered
    set entries {}
    set pending {}
    set next 0
    set delivered 0
    r del s
    r xgroup create s g 0 mkstream
    # consumers that have got nothing yet are not in the log, as in Redis
    foreach consumer {c0 c1 c2} {
        r xgroup createconsumer s g $consumer
    }
}

server {fold-interval 20} {
    foreach {again rounds} {{r debug reload} 12 restart 6 crash 10} {
        test "Entries and pending entries as in a model: $again" {
            seed 4
            new_model
            for {set i 0} {$i < $::rounds} {incr i} {
                random_changes 250
                check_model
                uplevel #0 $::again
                check_model
            }
        }
    }

    test "All that XINFO tells is there after a restart" {
        r del s
        r config set stream-node-max-entries 7
        for {set i 0} {$i < 300} {incr i} {
            r xadd s $i-1 f $i g [string repeat x [random 90]]
        }
        r xdel s 5-1 6-1 7-1 8-1 200-1 299-1
        r xgroup create s "with space" 100-0 entriesread 99
        r xgroup create s empty $
        r xreadgroup group "with space" a count 50 streams s >
        r xreadgroup group "with space" b count 5 noack streams s >
        r xreadgroup group "with space" a streams s 0
        set before [r xinfo stream s full count 0]
        restart
        equal [r xinfo stream s full count 0] $before
        r debug reload
        equal [r xinfo stream s full count 0] $before
        # the last node takes entries where it was left
        r config set stream-node-max-entries 7
        set nodes [dict get $before radix-tree-keys]
        r xadd s 1000-1 f v
        equal [dict get [r xinfo stream s] radix-tree-keys] $nodes
        r config set stream-node-max-entries 100
    }

    test "A copy and a renamed stream keep their groups" {
        set before [r xinfo stream s full count 0]
        r copy s s2
        r rename s s3
        equal [r xinfo stream s2 full count 0] $before
        equal [r xinfo stream s3 full count 0] $before
        r xgroup destroy s2 empty
        r xtrim s2 maxlen 0
        r debug reload
        equal [r xinfo stream s3 full count 0] $before
        equal [r xlen s2] 0
        equal [r exists s2] 1
    }

    test "A dump keeps entries, nodes and groups" {
        set before [r xinfo stream s3 full count 0]
        r restore s4 0 [r dump s3]
        equal [r xinfo stream s4 full count 0] $before
        # what is left of a node whose last entry was deleted before the others were trimmed
        r xadd gone 1-0 f v
        r xadd gone 2-0 f v
        r xdel gone 2-0
        r xtrim gone minid 2-0
        equal [dict get [r xinfo stream gone] radix-tree-keys] 1
        r restore gone2 0 [r dump gone]
        equal [r xlen gone2] 0
        equal [dict get [r xinfo stream gone2] last-generated-id] 2-0
    }

    test "Streams and groups of many pages" {
        r del big
        set n 60000
        for {set i 1} {$i <= $n} {incr i 500} {
            for {set j $i} {$j < $i + 500} {incr j} {
                r send xadd big $j f value:$j
            }
            for {set j 0} {$j < 500} {incr j} {
                r read
            }
        }
        r xgroup create big g 0
        r xreadgroup group g a count 40000 streams big >
        r xreadgroup group g b count 40000 streams big >
        restart
        equal [r xlen big] $n
        equal [r xrange big 31000 31001] {{31000-0 {f value:31000}} {31001-0 {f value:31001}}}
        equal [r xpending big g] [list $n 1-0 $n-0 {{a 40000} {b 20000}}]
        equal [r xpending big g 50000 + 1 a] {}
        equal [lindex [r xpending big g 39999 + 9 a] end 0] 40000-0
        equal [r xgroup delconsumer big g a] 40000
        equal [r xpending big g] {20000 40001-0 60000-0 {{b 20000}}}
        equal [r xtrim big minid 50000] 49999
        equal [r xgroup destroy big g] 1
        r debug reload
        equal [r xlen big] 10001
        equal [r xinfo groups big] {}
        equal [lindex [r xrange big - + count 1] 0 0] 50000-0
    }

    test "Readers that wait are served in a crash-safe way" {
        r del w
        r xgroup create w g $ mkstream
        set reader [new_client]
        $reader send xreadgroup group g c block 0 streams w >
        set plain [new_client]
        $plain send xread block 0 streams w $
        eventually 2000 {[info_field blocked_clients] == 2}
        r xadd w 1-1 f v
        equal [$reader read] {{w {{1-1 {f v}}}}}
        equal [$plain read] {{w {{1-1 {f v}}}}}
        crash
        equal [lrange [lindex [r xpending w g - + 9] 0] 0 1] {1-1 c}
    }
}
