/* Turns the OPTION_* lines that follow into struct members; config/declare_end.h ends it. No include guard: it is included
 * once for each table. */
#define OPTION_BOOL(name, alias, field, initial, flags, help)             bool field;
#define OPTION_INT(name, alias, field, initial, min, max, flags, help)    int64_t field;
#define OPTION_MEMORY(name, alias, field, initial, min, max, flags, help) int64_t field;
#define OPTION_OCTAL(name, alias, field, initial, max, flags, help)       int64_t field;
#define OPTION_STRING(name, alias, field, initial, flags, help)           char *field;
#define OPTION_BYTES(name, alias, field, initial, flags, help)            struct buf field;
#define OPTION_ENUM(name, alias, field, table, initial, flags, help)      int field;
#define OPTION_CUSTOM(name, alias, ops, flags, help)
