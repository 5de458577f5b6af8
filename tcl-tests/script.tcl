# Scripts and functions: what stays after a crash, what a sandbox keeps, who is served while a script runs.
# tags: script persist

proc lua_error {code args} {
    catch {r eval $code {*}[expr {[llength $args] ? $args : 0}]} message
    return $message
}

server {} {
    test "A script's effects are one unit: all or nothing after a crash" {
        for {set i 0} {$i < 50} {incr i} {
            r eval {for i = 1, 20 do redis.call('incr', 'n:' .. i) end} 0
        }
        crash
        for {set i 1} {$i <= 20} {incr i} {
            equal [r get n:$i] 50
        }
    }

    test "An error in the middle keeps what was done before it" {
        refuses "ERR value is not an integer*script: *, on @user_script:1." {
            r eval {redis.call('set', 'a', 'x') redis.call('incr', 'a') redis.call('set', 'b', 1)} 0
        }
        crash
        equal [list [r get a] [r exists b]] {x 0}
    }

    test "REPL_NONE leaves an effect out of the log" {
        r set kept 1
        r eval {redis.set_repl(redis.REPL_NONE) redis.call('set', 'kept', 2) redis.set_repl(redis.REPL_ALL)
                redis.call('set', 'other', 3)} 0
        equal [list [r get kept] [r get other]] {2 3}
        crash
        equal [list [r get kept] [r get other]] {1 3}
    }

    test "Scripts are cached by their hash, in any case, until SCRIPT FLUSH" {
        set sha [r script load {return 'cached'}]
        equal [r evalsha $sha 0] cached
        equal [r evalsha [string toupper $sha] 0] cached
        equal [r script exists $sha 0000000000000000000000000000000000000000] {1 0}
        equal [info_field number_of_cached_scripts] [info_field number_of_cached_scripts]
        r script flush
        refuses "NOSCRIPT *" {r evalsha $sha 0}
        equal [info_field number_of_cached_scripts] 0
    }

    test "Libraries survive crashes and restarts" {
        r function load "#!lua name=one\nredis.register_function('f1', function(k, a) return redis.call('incrby', k\[1\], a\[1\]) end)"
        restart
        equal [r fcall f1 1 n 5] 5
        r function load "#!lua name=two\nredis.register_function{function_name='f2', callback=function() return 2 end, flags={'no-writes'}}"
        crash
        equal [list [r fcall F1 1 n 5] [r fcall_ro f2 0]] {10 2}
        set dump [r function dump]
        r function delete one
        crash
        refuses "ERR Function not found" {r fcall f1 1 n 5}
        refuses "ERR Library two already exists" {r function restore $dump}
        r function restore $dump replace
        crash
        equal [r fcall f1 1 n 5] 15
        r function flush
        restart
        equal [r function list] {}
    }

    test "A library that cannot be loaded changes nothing" {
        r function load "#!lua name=one\nredis.register_function('f1', function() return 1 end)"
        refuses "*Function already exists in the library*" {
            r function load replace "#!lua name=one\nfor i = 1, 2 do redis.register_function('f2', function() end) end"
        }
        refuses "ERR Function F1 already exists" {
            r function load "#!lua name=other\nredis.register_function('F1', function() end)"
        }
        refuses "ERR *nonexistent global variable 'call'*" {
            r function load "#!lua name=other\nredis.call('set', 'a', 1)"
        }
        equal [r fcall f1 0] 1
        equal [llength [r function list]] 1
    }

    test "Nothing that scripts share can be written" {
        foreach code {
            {x = 1} {_G.x = 1} {rawset(_G, 'x', 1)} {redis.call = 1} {string.rep = 1} {cjson.null = 1}
            {setmetatable(_G, {})} {getmetatable(_G).__index = 1} {getmetatable('').__index = 1}
            {getmetatable('').__index.rep = 1} {table.insert(redis, 1)} {setfenv(0, {})} {coroutine.wrap = 1}
        } {
            like [lua_error $code] "*readonly table*"
        }
        like [lua_error {return y}] "*nonexistent global variable 'y'*"
        like [lua_error {return os.time()}] "*nonexistent global variable 'os'*"
        # What a script does to its own function's globals ends with it.
        foreach round {1 2} {
            equal [r eval {local found = pcall(function() return own end) and 1 or 0
                setfenv(1, {own = 2}) return {found, own}} 0] {0 2}
        }
    }

    test "Whatever is raised or returned has a text of one line" {
        like [lua_error {error(false)}] "ERR false script: *, on @user_script:1."
        like [lua_error {error()}] "ERR nil script: *, on @user_script:1."
        like [lua_error {error(redis.call)}] "ERR function: 0x* script: *"
        like [lua_error {error('a\0b')}] "ERR user_script:1: a script: *"
        like [lua_error {error('a\r\nb')}] "ERR user_script:1: a  b script: *"
        equal [r eval {return {ok = 'a\0b'}} 0] a
        equal [r eval {return {ok = 'a\nb'}} 0] "a b"
        refuses "ERR unknown error script: *" {r eval {error({})} 0}
    }

    test "What is no hash is no script, whatever follows it" {
        refuses "NOSCRIPT No matching script. Please use EVAL." {r evalsha abc x}
        refuses "NOSCRIPT No matching script. Please use EVAL." {r evalsha_ro abc -1}
    }

    test "A pattern that would overflow the stack is refused" {
        foreach f {find match gmatch gsub} {
            set code "return string.${f}(string.rep('a', 300000), string.rep('a?', 300000) .. 'b')"
            assert {[string match "*pattern too complex*" [lua_error $code]]}
        }
        equal [r eval {return (string.find(ARGV[1], ARGV[1], 1, true))} 0 [string repeat ab?- 3000]] 1
        equal [r eval {return #string.match(ARGV[1], '^%a+')} 0 abcd-] 4
        equal [r eval {return (('a-a'):gsub('%-', 'x'))} 0] axa
    }

    test "Compiled code is refused" {
        like [lua_error {return loadstring(string.dump(function() end))()}] "*attempt to call a nil value*"
        like [lua_error {local d = string.dump(function() end)
            local done = false
            return load(function() if not done then done = true return d end end)()}] "*attempt to call a nil value*"
        like [lua_error "\x1bLua"] "ERR Error compiling script*"
    }
}

server {busy-reply-threshold 10} {
    test "While a script runs others get BUSY, and may kill it" {
        set other [new_client]
        set third [new_client]
        r queue eval {while true do end} 0
        r flush
        eventually 5000 {[catch {$other ping} message] && [string match "BUSY *SCRIPT KILL*" $message]}
        refuses "BUSY *" {$other function kill}
        refuses "BUSY *" {$third get a}
        refuses "BUSY *" {$third shutdown save}
        equal [$other script kill] OK
        refuses "*Script killed by user*" {r read}
        equal [$third ping] PONG
        refuses "NOTBUSY *" {$other script kill}
    }

    test "A script that has written cannot be killed; SHUTDOWN NOSAVE undoes it" {
        set other [new_client]
        r set before 1
        r queue eval {redis.call('set', 'torn', 1) while true do end} 0
        r flush
        eventually 5000 {[catch {$other ping} message] && [string match "BUSY *" $message]}
        refuses "UNKILLABLE *" {$other script kill}
        catch {$other shutdown nosave}
        crash
        equal [list [r get before] [r exists torn]] {1 0}
    }
}

server {} {
    test "A script is debugged line by line, and its connection ends with it" {
        set c [new_client]
        equal [$c script debug sync] OK
        refuses "*use SYNC" {$c script debug yes}
        equal [$c eval "local n = 1\nredis.debug(n)\nn = redis.call('incrby', KEYS\[1\], ARGV\[1\])\nreturn n" 1 k 5] \
            {{* Stopped at 1, stop reason = step over} {-> 1   local n = 1}}
        equal [$c nosuch] {{<error> Unknown Redis Lua debugger command or wrong number of arguments.}}
        like [$c next] "*-> 2 *"
        equal [$c print n] {{<value> 1}}
        equal [lindex [$c break 4] 1] {  #4   return n}
        equal [$c continue] {{<debug> line 2: 1} {* Stopped at 4, stop reason = break point} {->#4   return n}}
        equal [$c print] {{<value> n = 5}}
        equal [$c redis get k] {{<redis> get k} {<reply> "5"}}
        equal [$c eval n + 1] {{<error> ldb_eval:1: Script attempted to access nonexistent global variable 'n'}}
        equal [$c continue] <endsession>
        equal [$c read] 5
        refuses * {$c ping}
        equal [r ping] PONG
    }

    test "A debugged script goes on without its client" {
        set c [new_client]
        $c script debug sync
        $c eval "redis.call('set', 'alone', 1)\nredis.call('incr', 'alone')" 0
        $c close
        eventually 3000 {[r get alone] == 2}
    }
}
