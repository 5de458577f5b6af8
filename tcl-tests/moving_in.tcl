# A redis-server's append-only files, found in dir at the start.
# tags: dump

proc command {args} {
    set text "*[llength $args]\r\n"
    foreach word $args {
        append text "\$[string length $word]\r\n$word\r\n"
    }
    return $text
}

proc write_file {name text} {
    file mkdir [file dirname [server_dir]/$name]
    set f [open [server_dir]/$name w]
    fconfigure $f -translation binary
    puts -nonewline $f $text
    close $f
}

# Starts the server anew, as one that has never held any data.
proc start_empty {} {
    srv::stop $srv::current KILL
    file delete -force [server_dir]/data
    restart
}

# What a server that does not start says last.
proc last_words {} {
    srv::stop $srv::current KILL
    catch {exec $::server_binary [server_dir]/orbit.conf >> [server_dir]/log 2>> [server_dir]/stderr}
    return [lindex [split [string trim [server_log]] "\n"] end]
}

set ::far [expr {[clock milliseconds] + 100000000}]
set ::manifest "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"

server {} {
    test "A base that is a dump and the commands behind it are loaded, once" {
        r mset from base other base
        r rpush list a b c
        r save
        file mkdir [server_dir]/appendonlydir
        file rename [server_dir]/dump.rdb [server_dir]/appendonlydir/appendonly.aof.1.base.rdb
        write_file appendonlydir/appendonly.aof.manifest $::manifest
        write_file appendonlydir/appendonly.aof.1.incr.aof [string cat "#TS:1628217470\r\n" [command SELECT 0] \
            [command SET from increment] [command MULTI] [command SELECT 3] [command SADD set a b] [command EXEC] \
            [command SET gone x PXAT 1000] [command APPEND gone y] [command SET kept x PXAT $::far] \
            [command EVAL {redis.call('incr', KEYS[1])} 1 counter] \
            [command FUNCTION LOAD "#!lua name=lib\nredis.register_function('f', function() return 7 end)"]]
        start_empty
        like [server_log] "*DB loaded from append only file*"
        equal [r mget from other] {increment base}
        equal [r lrange list 0 -1] {a b c}
        equal [r fcall f 0] 7
        r select 3
        equal [r get gone] {}
        equal [r pexpiretime kept] $::far
        equal [lsort [r smembers set]] {a b}
        equal [r get counter] 1
        # From now on what the server has is its own.
        r select 0
        r set from here
        crash
        equal [r get from] here
        equal [r fcall f 0] 7
        like [server_log] "*appendonly.aof.manifest is not loaded: the data directory has its own data*"
    }

    test "With appendonly no the dump is loaded instead" {
        r set from dump
        r save
        dict set srv::current options {appendonly no}
        start_empty
        equal [r get from] dump
        dict set srv::current options {}
    }

    test "A file of an old version is loaded, too" {
        file delete -force [server_dir]/appendonlydir
        write_file appendonly.aof [command SET from old]
        start_empty
        equal [r get from] old
    }
}

server {load-dump always} {
    test "Files that have changed replace what there is, unchanged ones do not" {
        write_file appendonly.aof [command SET a 1]
        r set own 1
        restart
        equal [r mget a own] {1 {}}
        r set own 2
        restart
        equal [r mget a own] {1 2}
        write_file appendonly.aof [string cat [command SET a 1] [command INCR a]]
        crash
        equal [r mget a own] {2 {}}
    }

    test "An incomplete end is left out, also a transaction without its end" {
        write_file appendonly.aof [string cat [command SET a 1] [command MULTI] [command SET a 2]]
        restart
        equal [r get a] 1
        like [server_log] "*is incomplete from byte 27 of 69 on*"
        write_file appendonly.aof [string range [string cat [command SET a 3] [command SET a 4]] 0 end-1]
        restart
        equal [r get a] 3
    }

    test "What cannot be believed is not loaded, and the next start begins anew" {
        write_file appendonly.aof [string cat [command SET b 1] "!!!" [command SET a 1]]
        like [last_words] "*Bad file format reading the append only file appendonly.aof, at byte 27*"
        write_file appendonly.aof [string cat [command SELECT 1000] [command SET a 1]]
        like [last_words] "*more than 16 databases*"
        write_file appendonly.aof [command BLA a 1]
        like [last_words] "*Unknown command 'BLA' reading the append only file appendonly.aof"
        write_file appendonly.aof [command SET a 5]
        restart
        equal [r mget a b] {5 {}}
    }

    test "A manifest that names a missing file stops the start and leaves the data" {
        write_file appendonlydir/appendonly.aof.manifest $::manifest
        like [last_words] "*appendonly.aof.1.base.rdb cannot be read: No such file or directory"
        file delete -force [server_dir]/appendonlydir
        restart
        equal [r get a] 5
    }
}
