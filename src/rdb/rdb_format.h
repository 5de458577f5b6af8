/* Numbers of Redis's dump format, up to version 11: what stands in a dump.rdb and in the payloads of DUMP. */
#ifndef ORBIT_RDB_RDB_FORMAT_H
#define ORBIT_RDB_RDB_FORMAT_H

#define RDB_VERSION                                                                                \
    11 /* Redis 7.2; the newest, and what is written unless something older is wanted */
#define RDB_VERSION_7_0 10
#define RDB_VERSION_MIN 9 /* written: Redis 5.0 to 6.2 */
#define RDB_MAGIC_TEXT  "REDIS"
#define RDB_MAGIC       RDB_MAGIC_TEXT "0011"
#define RDB_MAGIC_BYTES 9

/* What comes before a length of a file's item instead of a type. */
enum rdb_opcode {
    RDB_OP_FUNCTION2 = 245,
    RDB_OP_FUNCTION_PRE_GA = 246,
    RDB_OP_MODULE_AUX = 247,
    RDB_OP_IDLE = 248,
    RDB_OP_FREQ = 249,
    RDB_OP_AUX = 250,
    RDB_OP_RESIZEDB = 251,
    RDB_OP_EXPIRETIME_MS = 252,
    RDB_OP_EXPIRETIME = 253,
    RDB_OP_SELECTDB = 254,
    RDB_OP_EOF = 255,
};

enum rdb_type {
    RDB_STRING = 0,
    RDB_LIST = 1,
    RDB_SET = 2,
    RDB_ZSET = 3, /* scores as text */
    RDB_HASH = 4,
    RDB_ZSET_2 = 5, /* scores as doubles */
    RDB_MODULE_PRE_GA = 6,
    RDB_MODULE_2 = 7,
    RDB_HASH_ZIPMAP = 9,
    RDB_LIST_ZIPLIST = 10,
    RDB_SET_INTSET = 11,
    RDB_ZSET_ZIPLIST = 12,
    RDB_HASH_ZIPLIST = 13,
    RDB_LIST_QUICKLIST = 14, /* of ziplists */
    RDB_STREAM_LISTPACKS = 15,
    RDB_HASH_LISTPACK = 16,
    RDB_ZSET_LISTPACK = 17,
    RDB_LIST_QUICKLIST_2 = 18,   /* of listpacks and plain nodes */
    RDB_STREAM_LISTPACKS_2 = 19, /* first entry, tombstones, entries read */
    RDB_SET_LISTPACK = 20,
    RDB_STREAM_LISTPACKS_3 = 21, /* active time of consumers */
};

/* Parts of a module's value. */
enum rdb_module_part {
    RDB_MODULE_EOF = 0,
    RDB_MODULE_SINT = 1,
    RDB_MODULE_UINT = 2,
    RDB_MODULE_FLOAT = 3,
    RDB_MODULE_DOUBLE = 4,
    RDB_MODULE_STRING = 5,
};

#endif
