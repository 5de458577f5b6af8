# Hashes: against a model, over reloads, restarts and crashes; while they are scanned; inside of transactions.
# tags: hash

proc check_hash {key model} {
    set got [r hgetall $key]
    equal [dict size $got] [expr {[llength $got] / 2}] "no field twice"
    equal [lsort -stride 2 $got] [lsort -stride 2 $model]
    equal [r hlen $key] [dict size $model]
}

# Random commands to server and model; every so often the server is made to read the hash back.
proc hash_against_model {steps fields again} {
    set model {}
    r del k
    for {set i 0} {$i < $steps} {incr i} {
        set f field:[random $fields]
        set g field:[random $fields]
        set v [expr {[random 3] ? [random 1000000] : [random_bytes [random 100]]}]
        set was [dict exists $model $f]
        switch [random 10] {
            0 - 1 - 2 {
                equal [r hset k $f $v] [expr {!$was}]
                dict set model $f $v
            }
            3 {
                r hset k $f $v $g $i
                dict set model $f $v
                dict set model $g $i
            }
            4 {
                equal [r hsetnx k $f $v] [expr {!$was}]
                if {!$was} { dict set model $f $v }
            }
            5 {
                set n [expr {$was + ($f ne $g && [dict exists $model $g])}]
                equal [r hdel k $f $g] $n
                set model [dict remove $model $f $g]
            }
            6 {
                if {!$was || [string is entier -strict [dict get $model $f]]} {
                    set sum [expr {($was ? [dict get $model $f] : 0) + 7}]
                    equal [r hincrby k $f 7] $sum
                    dict set model $f $sum
                }
            }
            7 {
                equal [r hget k $f] [expr {$was ? [dict get $model $f] : {}}]
                equal [r hexists k $f] $was
            }
            8 {
                equal [r hmget k $f $g] [lmap x [list $f $g] {
                    expr {[dict exists $model $x] ? [dict get $model $x] : {}}
                }]
            }
            9 {
                if {[dict size $model]} {
                    foreach {x y} [r hrandfield k 3 withvalues] {
                        equal [dict get $model $x] $y
                    }
                }
            }
        }
        if {$i % 500 == 499} {
            uplevel #0 $again
            check_hash k $model
        }
    }
    check_hash k $model
}

server {fold-interval 20} {
    test "Small hashes do as the model does" {
        seed 1
        hash_against_model 4000 30 {r debug reload}
    }

    test "Large hashes do as the model does" {
        seed 2
        hash_against_model 8000 4000 {r debug reload}
        equal [r object encoding k] hashtable
    }

    test "Hashes survive crashes" {
        seed 3
        hash_against_model 3000 1500 crash
    }

    test "Hashes survive restarts" {
        seed 4
        hash_against_model 2000 1500 restart
    }

    test "A scan finds every field that stays, whatever else comes and goes" {
        r del k
        for {set i 0} {$i < 3000} {incr i} {
            r queue hset k stays:$i $i
        }
        r flush
        for {set i 0} {$i < 3000} {incr i} {
            r read
        }
        set cursor 0
        set seen {}
        set round 0
        while 1 {
            lassign [r hscan k $cursor count 100] cursor items
            foreach {f v} $items {
                dict set seen $f $v
            }
            if {$cursor == 0} {
                break
            }
            incr round
            for {set i 0} {$i < 30} {incr i} {
                r hset k comes:$round:$i x
                r hdel k comes:[expr {$round - 2}]:$i
            }
            if {$round % 10 == 5} {
                restart
            }
        }
        for {set i 0} {$i < 3000} {incr i} {
            equal [dict get $seen stays:$i] $i
        }
        assert {$round >= 25}
    }

    test "An aborted transaction changes nothing, a watched hash is noticed" {
        r del h
        r hset h a 1
        set other [new_client]
        r watch h
        $other hset h a 2
        r multi
        r hset h a 3
        equal [r exec] {}
        equal [r hget h a] 2
        r watch h
        $other hdel h nothing
        $other hsetnx h a 9
        r multi
        r hset h a 4
        equal [r exec] 0
        equal [r hget h a] 4
        $other close
    }

    test "Values of any length and any bytes" {
        r del h
        foreach n {0 1 64 65 254 255 256 2048 70000 3000000} {
            r hset h $n [string repeat x $n] [string repeat y $n] $n
        }
        foreach n {0 1 64 65 254 255 256 2048 70000 3000000} {
            equal [r hstrlen h $n] $n
            equal [r hget h [string repeat y $n]] $n
        }
        crash
        foreach n {0 1 64 65 254 255 256 2048 70000 3000000} {
            equal [r hget h $n] [string repeat x $n]
            equal [r hget h [string repeat y $n]] $n
        }
    }
}
