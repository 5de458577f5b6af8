# SORT over values that are read back from the store, and its errors.
# tags: sort

server {record-cache-memory 1mb} {
    test "Orders, parts and values of other keys survive a restart" {
        for {set i 0} {$i < 3000} {incr i} {
            r rpush list $i
            r zadd zset [expr {-$i}] m$i
            r sadd set m$i
            r set weight_$i [expr {($i * 7919) % 3000}]
            r hset object_$i name n$i weight [expr {3000 - $i}]
        }
        restart
        equal [r sort list by weight_* limit 0 3] {0 1679 358}
        equal [r sort list by object_*->weight limit 0 2 get # get object_*->name get nothing_*] {2999 n2999 {} 2998 n2998 {}}
        equal [r sort list desc limit 0 2] {2999 2998}
        equal [r sort zset by nosort limit 1 2] {m2998 m2997}
        equal [r sort zset by nosort desc limit 0 1] m0
        equal [r sort_ro set alpha limit 0 3] {m0 m1 m10}
        equal [llength [r sort set by nosort]] 3000
    }

    test "A stored result takes the place of what was there, also of the list itself" {
        equal [r sort list by weight_* store list] 3000
        equal [r lrange list 0 2] {0 1679 358}
        equal [r type list] list
        equal [r sort list limit 0 100 get # get object_*->name get nothing_* store list] 300
        equal [r lrange list 0 5] {0 n0 {} 1 n1 {}}
        equal [r sort none store weight_0] 0
        equal [r exists weight_0] 0
        restart
        equal [r llen list] 300
        crash
        equal [r lrange list 3 5] {1 n1 {}}
    }

    test "What cannot be sorted is refused" {
        r rpush words b a
        refuses "ERR One or more scores can't be converted into double" {r sort words}
        refuses "WRONGTYPE*" {r sort weight_1}
        refuses "ERR syntax error" {r sort words limit 1}
        refuses "ERR syntax error" {r sort_ro words store x}
        refuses "ERR value is not an integer*" {r sort words limit a 1}
        r acl setuser reader on nopass +@all %R~words ~x*
        set c [new_client]
        $c auth reader any
        equal [$c sort words alpha] {a b}
        refuses "ERR BY option of SORT denied due to insufficient ACL permissions." {$c sort words by w_*}
        refuses "ERR GET option of SORT denied due to insufficient ACL permissions." {$c sort words get w_*}
        refuses "NOPERM*" {$c sort words alpha store y}
        equal [$c sort words alpha store x1] 2
        $c close
    }
}
