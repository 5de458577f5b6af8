/* The libraries that scripts have, each case a piece of Lua and what it gives: its result as a string, or its error. */
#include "services/script/lua_libs.h"

#include "base/compiler.h"
#include "base/slice.h"
#include "unit/cmocka_all.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

struct lua_case {
    const char *code, *want;
};

static int setup(void **state)
{
    static int (*const open[])(lua_State *) = {script_open_bit, script_open_struct,
                                               script_open_cmsgpack, script_open_cjson};
    static const char *const names[] = {"bit", "struct", "cmsgpack", "cjson"};
    lua_State *lua = luaL_newstate();
    luaL_openlibs(lua);
    for (size_t i = 0; i < COUNT_OF(open); i++) {
        open[i](lua);
        assert_true(lua_istable(lua, -1));
        lua_setglobal(lua, names[i]);
    }
    assert_int_equal(luaL_dostring(lua, "function hex(s) return (s:gsub('.', function(c) return "
                                        "string.format('%02x', c:byte()) end)) end\n"
                                        "function raw(h) return (h:gsub('..', function(c) return "
                                        "string.char(tonumber(c, 16)) end)) end"),
                     0);
    *state = lua;
    return 0;
}

static int teardown(void **state)
{
    lua_close(*state);
    return 0;
}

static void check(lua_State *lua, const struct lua_case *c)
{
    char code[1024];
    snprintf(code, sizeof code, "return %s", c->code);
    int status = luaL_loadstring(lua, code);
    if (status != 0) { /* no expression: a chunk */
        lua_settop(lua, 0);
        status = luaL_loadstring(lua, c->code);
    }
    if (status == 0)
        status = lua_pcall(lua, 0, 1, 0);
    lua_getglobal(lua, "tostring");
    lua_insert(lua, -2);
    lua_call(lua, 1, 1);
    const char *got = lua_tostring(lua, -1);
    /* what Lua puts in front of an error: [string "..."]:1: */
    const char *colon = status ? strstr(got, "]:1: ") : NULL;
    if (colon)
        got = colon + 5;
    if (strcmp(got, c->want) != 0)
        fail_msg("%s gave '%s', not '%s'", c->code, got, c->want);
    lua_settop(lua, 0);
}

#define CHECK_ALL(lua, cases)                                                                      \
    for (size_t i_ = 0; i_ < COUNT_OF(cases); i_++)                                                \
    check(lua, &(cases)[i_])

static void test_bit(void **state)
{
    static const struct lua_case cases[] = {
        {"bit.tobit(0xffffffff)", "-1"},
        {"bit.tobit(0xffffffff + 1)", "0"},
        {"bit.tobit(2^40 + 1234)", "1234"},
        {"bit.tobit(-1)", "-1"},
        {"bit.tobit(0/0)", "0"},
        {"bit.bnot(0)", "-1"},
        {"bit.band(0x12345678, 0xff)", "120"},
        {"bit.bor(1, 2, 4, 8)", "15"},
        {"bit.bxor(0xa5a5f0f0, 0xaa55ff00)", "267390960"},
        {"bit.lshift(1, 31)", "-2147483648"},
        {"bit.lshift(1, 32)", "1"},
        {"bit.rshift(-256, 8)", "16777215"},
        {"bit.arshift(-256, 8)", "-1"},
        {"bit.rol(0x12345678, 12)", "1164411171"},
        {"bit.ror(0x12345678, 12)", "1736516421"},
        {"bit.rol(1, 0)", "1"},
        {"bit.bswap(0x12345678)", "2018915346"},
        {"bit.tohex(1)", "00000001"},
        {"bit.tohex(-1)", "ffffffff"},
        {"bit.tohex(0xabcdef, -4)", "CDEF"},
        {"bit.tohex(0xabcdef, 2)", "ef"},
        {"bit.band('x')", "bad argument #1 to 'band' (number expected, got string)"},
    };
    CHECK_ALL(*state, cases);
}

static void test_struct(void **state)
{
    static const struct lua_case cases[] = {
        {"hex(struct.pack('>h', 258))", "0102"},
        {"hex(struct.pack('<h', 258))", "0201"},
        {"hex(struct.pack('<i3', -2))", "feffff"},
        {"hex(struct.pack('>I4B', 1, 255))", "00000001ff"},
        {"hex(struct.pack('<l', -1))", "ffffffffffffffff"},
        {"hex(struct.pack('>d', 1))", "3ff0000000000000"},
        {"hex(struct.pack('<f', 1))", "0000803f"},
        {"hex(struct.pack('s', 'ab'))", "616200"},
        {"hex(struct.pack('c0', 'abc'))", "616263"},
        {"hex(struct.pack('c2', 'abc'))", "6162"},
        {"hex(struct.pack('<!4bi', 1, 2))", "0100000002000000"},
        {"hex(struct.pack('bxb', 1, 2))", "010002"},
        {"struct.unpack('>h', raw('fffe'))", "-2"},
        {"struct.unpack('>H', raw('fffe'))", "65534"},
        {"struct.unpack('<i3', raw('feffff'))", "-2"},
        {"struct.unpack('>d', raw('3ff8000000000000'))", "1.5"},
        {"struct.unpack('s', 'ab\\0cd')", "ab"},
        {"({struct.unpack('bc0', raw('03616263'))})[1]", "abc"},
        {"({struct.unpack('bb', raw('0102'))})[3]", "3"},
        {"struct.unpack('b', raw('0102'), 2)", "2"},
        {"struct.size('!8bd')", "16"},
        {"struct.size('bd')", "9"},
        {"struct.unpack('>I4', 'abc')", "bad argument #2 to 'unpack' (data string too short)"},
        {"struct.unpack('s', 'abc')", "unfinished string in data"},
        {"struct.unpack('c0', 'abc')", "format 'c0' needs a previous size"},
        {"struct.unpack('b', 'a', 0)", "bad argument #3 to 'unpack' (offset must be 1 or greater)"},
        {"struct.unpack('b', 'a', 99)", "bad argument #2 to 'unpack' (data string too short)"},
        {"struct.unpack('bc0', raw('7f61'))",
         "bad argument #2 to 'unpack' (data string too short)"},
        {"struct.pack('i33', 1)", "integral size 33 is larger than limit of 32"},
        {"struct.pack('i99999999999', 1)", "integral size overflow"},
        {"struct.pack('c5', 'abc')", "bad argument #3 to 'pack' (string too short)"},
        {"struct.pack('!3i', 1)", "alignment 3 is not a power of 2"},
        {"struct.pack('z', 1)", "bad argument #1 to 'pack' (invalid format option 'z')"},
        {"struct.size('s')", "bad argument #1 to 'size' (option 's' has no fixed size)"},
    };
    CHECK_ALL(*state, cases);
}

static void test_cmsgpack(void **state)
{
    static const struct lua_case cases[] = {
        {"hex(cmsgpack.pack(0))", "00"},
        {"hex(cmsgpack.pack(127, 128, 255, 256))", "7fcc80ccffcd0100"},
        {"hex(cmsgpack.pack(65536, 2^32))", "ce00010000cf0000000100000000"},
        {"hex(cmsgpack.pack(-1, -32, -33, -129))", "ffe0d0dfd1ff7f"},
        {"hex(cmsgpack.pack(-2^31, -2^31 - 1))", "d280000000d3ffffffff7fffffff"},
        {"hex(cmsgpack.pack(-2^63, 2^63))", "d38000000000000000ca5f000000"},
        {"hex(cmsgpack.pack(1.5))", "ca3fc00000"},
        {"hex(cmsgpack.pack(0.1))", "cb3fb999999999999a"},
        {"hex(cmsgpack.pack(true, false, nil))", "c3c2c0"},
        {"hex(cmsgpack.pack('ab'))", "a26162"},
        {"hex(cmsgpack.pack(('x'):rep(32))):sub(1, 6)", "d92078"},
        {"hex(cmsgpack.pack(('x'):rep(256))):sub(1, 6)", "da0100"},
        {"hex(cmsgpack.pack(('x'):rep(65536))):sub(1, 10)", "db00010000"},
        {"hex(cmsgpack.pack({1, 2}))", "920102"},
        {"hex(cmsgpack.pack({}))", "90"},
        {"hex(cmsgpack.pack({a = 1}))", "81a16101"},
        {"hex(cmsgpack.pack({[2] = 1}))", "810201"},
        {"hex(cmsgpack.pack(print))", "c0"},
        {"local t = {} t[1] = t return #cmsgpack.pack(t)", "17"},
        {"cmsgpack.pack()", "bad argument #0 to 'pack' (MessagePack pack needs input.)"},
        {"cmsgpack.unpack(raw('d3ffffffff7fffffff'))", "-2147483649"},
        {"cmsgpack.unpack(raw('cb3fb999999999999a'))", "0.1"},
        {"cmsgpack.unpack(raw('82a16101a16202')).b", "2"},
        {"cmsgpack.unpack(raw('dc00020102'))[2]", "2"},
        {"#{cmsgpack.unpack(raw('010203'))}", "3"},
        {"({cmsgpack.unpack_one(raw('010203'))})[1]", "1"},
        {"({cmsgpack.unpack_one(raw('010203'), 2)})[1]", "-1"},
        {"({cmsgpack.unpack_limit(raw('010203'), 2)})[1]", "2"},
        {"#{cmsgpack.unpack_limit(raw('010203'), 2, 1)}", "3"},
        {"cmsgpack.unpack(raw('c1'))", "Bad data format in input."},
        {"cmsgpack.unpack(raw('92c001ff').sub(raw('92c001ff'), 1, 2))", "Missing bytes in input."},
        {"cmsgpack.unpack(raw('dbffffffff61'))", "Missing bytes in input."},
        {"cmsgpack.unpack(raw('ddffffffff'))", "Missing bytes in input."},
        {"cmsgpack.unpack_one('a', 9)", "Start offset 9 greater than input length 1."},
        {"cmsgpack.unpack_one('a', -1)",
         "Invalid request to unpack with offset of -1 and limit of 1."},
    };
    CHECK_ALL(*state, cases);
}

static void test_cjson_encode(void **state)
{
    static const struct lua_case cases[] = {
        {"cjson.encode({1, 2, 3})", "[1,2,3]"},
        {"cjson.encode({})", "{}"},
        {"cjson.encode({a = {b = true}})", "{\"a\":{\"b\":true}}"},
        {"cjson.encode({[1] = 1, [3] = 3})", "[1,null,3]"},
        {"cjson.encode({[10] = 1})", "[null,null,null,null,null,null,null,null,null,1]"},
        {"cjson.encode({[100] = 1})", "Cannot serialise table: excessively sparse array"},
        {"cjson.encode({[1.5] = 1})", "{\"1.5\":1}"},
        {"cjson.encode({[0] = 1})", "{\"0\":1}"},
        {"cjson.encode({[true] = 1})",
         "Cannot serialise boolean: table key must be a number or string"},
        {"cjson.encode(cjson.null)", "null"},
        {"cjson.encode(nil)", "null"},
        {"cjson.encode(0.1)", "0.1"},
        {"cjson.encode(1/3)", "0.33333333333333"},
        {"cjson.encode(1e15)", "1e+15"},
        {"cjson.encode(99999999999999)", "99999999999999"},
        {"cjson.encode(-0.0)", "-0"},
        {"cjson.encode(1/0)", "Cannot serialise number: must not be NaN or Inf"},
        {"cjson.encode(print)", "Cannot serialise function: type not supported"},
        {"cjson.encode('a\"b\\\\c/d\\n\\1\\127é')", "\"a\\\"b\\\\c\\/d\\n\\u0001\\u007fé\""},
        {"local t = {} t[1] = t return cjson.encode(t)",
         "Cannot serialise, excessive nesting (1001)"},
        {"cjson.encode()", "bad argument #1 to 'encode' (expected 1 argument)"},
    };
    CHECK_ALL(*state, cases);
}

static void test_cjson_decode(void **state)
{
    static const struct lua_case cases[] = {
        {"cjson.decode('[1,[2,3]]')[2][1]", "2"},
        {"cjson.decode(' {\"a\" : {\"b\":[]} } ').a.b[1]", "nil"},
        {"cjson.decode('null') == cjson.null", "true"},
        {"cjson.decode('true')", "true"},
        {"cjson.decode('-1.5e2')", "-150"},
        {"cjson.decode('0x10')", "16"},
        {"cjson.decode('Infinity')", "inf"},
        {"cjson.decode('\"\\\\u00e9\\\\n\\\\/\\\\\"\"')", "é\n/\""},
        {"cjson.decode('\"\\\\ud83d\\\\ude00\"')", "😀"},
        {"cjson.decode('\"a\\0b\"')",
         "Expected value but found unexpected end of string at character 3"},
        {"cjson.decode('1\\0garbage')", "JSON parser does not support UTF-16 or UTF-32"},
        {"cjson.decode('11\\0garbage')", "11"},
        {"cjson.decode('\"\\\\ud83d\"')",
         "Expected value but found invalid unicode escape code at character 2"},
        {"cjson.decode('\"\\\\x\"')",
         "Expected value but found invalid escape code at character 2"},
        {"cjson.decode('[1,]')", "Expected value but found T_ARR_END at character 4"},
        {"cjson.decode('{\"a\":1,}')",
         "Expected object key string but found T_OBJ_END at character 8"},
        {"cjson.decode('{1:2}')", "Expected object key string but found T_NUMBER at character 2"},
        {"cjson.decode('{\"a\" 1}')", "Expected colon but found T_NUMBER at character 6"},
        {"cjson.decode('[1 2]')", "Expected comma or array end but found T_NUMBER at character 4"},
        {"cjson.decode('')", "Expected value but found T_END at character 1"},
        {"cjson.decode('1 1')", "Expected the end but found T_NUMBER at character 3"},
        {"cjson.decode('tru')", "Expected value but found invalid token at character 1"},
        {"cjson.decode(('['):rep(1001))",
         "Found too many nested data structures (1001) at character 1001"},
    };
    CHECK_ALL(*state, cases);
}

static void test_cjson_configuration(void **state)
{
    static const struct lua_case cases[] = {
        {"cjson.encode_number_precision(3) return cjson.encode(1/3)", "0.333"},
        {"cjson.encode_number_precision(15)",
         "bad argument #1 to 'encode_number_precision' (expected integer between 1 and 14)"},
        {"cjson.encode_max_depth(1) return cjson.encode({{}})",
         "Cannot serialise, excessive nesting (2)"},
        {"cjson.decode_max_depth(1) return cjson.decode('[[]]')",
         "Found too many nested data structures (2) at character 2"},
        {"cjson.encode_sparse_array(true) return cjson.encode({[100] = 1})", "{\"100\":1}"},
        {"cjson.encode_invalid_numbers(true) return cjson.encode(-1/0)", "-inf"},
        {"cjson.encode_invalid_numbers('null') return cjson.encode(0/0)", "null"},
        {"cjson.encode_invalid_numbers()", "null"},
        {"cjson.decode_invalid_numbers(false) return cjson.decode('0x10')",
         "Expected value but found invalid number at character 1"},
        {"cjson.decode_invalid_numbers()", "false"},
        {"cjson.encode_keep_buffer()", "true"},
        {"cjson.new().decode('0x10')", "16"},
    };
    CHECK_ALL(*state, cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_struct, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cmsgpack, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cjson_encode, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cjson_decode, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cjson_configuration, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
