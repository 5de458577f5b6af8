# Sets: against a model, over reloads, restarts and crashes; random members and what becomes of them in the log.
# tags: set

proc check_set {key model} {
    equal [lsort [r smembers $key]] [lsort [dict keys $model]]
    equal [r scard $key] [dict size $model]
}

proc keys_in {a b} {
    return [lmap e [dict keys $a] {if {![dict exists $b $e]} continue; set e}]
}

proc keys_not_in {a b} {
    return [lmap e [dict keys $a] {if {[dict exists $b $e]} continue; set e}]
}

proc as_set {list} {
    set out {}
    foreach e $list {
        dict set out $e 1
    }
    return $out
}

# Random commands on two sets and on what is made of them; ints of 10 members are integers.
proc set_against_model {steps members ints again} {
    set model(a) {}
    set model(b) {}
    set model(d) {}
    r del a b d
    for {set i 0} {$i < $steps} {incr i} {
        set k [lindex {a b} [random 2]]
        set l [lindex {a b d} [random 3]]
        set list {}
        for {set n [random 5]} {$n >= 0} {incr n -1} {
            lappend list [expr {[random 10] < $ints ? {} : {m}}][random $members]
        }
        switch [random 12] {
            0 - 1 - 2 - 3 {
                set new [llength [keys_not_in [as_set $list] $model($k)]]
                equal [r sadd $k {*}$list] $new
                set model($k) [dict merge $model($k) [as_set $list]]
            }
            4 {
                set gone [llength [keys_in [as_set $list] $model($k)]]
                equal [r srem $k {*}$list] $gone
                set model($k) [dict remove $model($k) {*}$list]
            }
            5 {
                equal [r smismember $k {*}$list] [lmap e $list {dict exists $model($k) $e}]
            }
            6 {
                set e [lindex $list 0]
                set was [dict exists $model($k) $e]
                equal [r smove $k $l $e] $was
                if {$was} {
                    dict unset model($k) $e
                    dict set model($l) $e 1
                }
            }
            7 {
                foreach e [r spop $k [random 4]] {
                    assert {[dict exists $model($k) $e]}
                    dict unset model($k) $e
                }
                set e [r spop $k]
                equal [expr {$e ne {}}] [expr {[dict size $model($k)] > 0}]
                dict unset model($k) $e
            }
            8 {
                foreach e [r srandmember $k [expr {[random 20] - 10}]] {
                    assert {[dict exists $model($k) $e]}
                }
            }
            9 {
                set model(d) [as_set [keys_in $model(a) $model(b)]]
                equal [r sinterstore d a b] [dict size $model(d)]
            }
            10 {
                set model($l) [as_set [keys_not_in $model(a) $model(b)]]
                equal [r sdiffstore $l a b] [dict size $model($l)]
            }
            11 {
                set model(d) [dict merge $model(a) $model(d)]
                equal [r sunionstore d d a] [dict size $model(d)]
            }
        }
        if {$i % 500 == 499} {
            uplevel #0 $again
            foreach s {a b d} {
                check_set $s $model($s)
            }
        }
    }
}

proc add_many {key prefix n} {
    for {set i 0} {$i < $n} {incr i 500} {
        set part {}
        for {set j $i} {$j < $i + 500 && $j < $n} {incr j} {
            lappend part $prefix$j
        }
        r sadd $key {*}$part
    }
}

server {fold-interval 20} {
    test "Small sets do as the model does" {
        seed 1
        set_against_model 4000 30 5 {r debug reload}
    }

    test "Sets of integers do as the model does" {
        seed 2
        set_against_model 3000 300 10 {r debug reload}
    }

    test "Large sets do as the model does" {
        seed 3
        set_against_model 5000 5000 5 {r debug reload}
    }

    test "Sets survive crashes" {
        seed 4
        set_against_model 3000 1000 5 crash
    }

    test "Sets survive restarts" {
        seed 5
        set_against_model 2000 1000 5 restart
    }

    test "What was popped stays away after a crash" {
        foreach {n count} {1 1 5 2 100 90 1000 50 5000 3000 5000 4990 5000 5000} {
            r del s
            add_many s m $n
            set popped [r spop s $count]
            equal [llength [lsort -unique $popped]] $count
            set rest [lsort [r smembers s]]
            equal [llength $rest] [expr {$n - $count}]
            crash
            equal [lsort [r smembers s]] $rest
        }
    }

    test "Set algebra of large sets" {
        r del a b u i d
        add_many a m 20000
        add_many b m 10000
        add_many b n 7000
        equal [r sinterstore i a b] 10000
        equal [r sunionstore u a b] 27000
        equal [r sdiffstore d u b] 10000
        equal [r sintercard 3 u a b] 10000
        equal [r sintercard 3 u a b limit 7] 7
        equal [r sunionstore u u u a] 27000
        equal [r sdiffstore u u a] 7000
        equal [r sinter u d] {}
        crash
        equal [list [r scard a] [r scard b] [r scard i] [r scard d] [r scard u]] {20000 17000 10000 10000 7000}
        equal [lsort [r smembers i]] [lsort [r sinter a b]]
    }

    test "A set that did not change is not seen as changed" {
        r del s t
        r sadd s a
        set other [new_client]
        r watch s t
        $other sadd s a
        $other srem s b
        $other smove s t b
        $other sinterstore t s none
        r multi
        r ping
        equal [r exec] PONG
        r watch s
        $other spop s
        r multi
        r ping
        equal [r exec] {}
        $other close
    }
    test "SPOP's count is positive, whatever else it is" {
        foreach count {-1 x 1.5 9223372036854775808} {
            refuses "ERR value is out of range, must be positive" {r spop s $count}
        }
    }
}
