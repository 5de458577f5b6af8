/* Turns the OPTION_* lines that follow into rows of a struct config_option array whose values are members of the struct
 * that CONFIG_STRUCT names; config/declare_end.h ends it. No include guard: it is included once for each table. */
#define OPTION_BOOL(name_, alias_, field_, initial_, flags_, help_)                                \
    {.name = (name_),                                                                              \
     .alias = (alias_),                                                                            \
     .help = (help_),                                                                              \
     .kind = CONFIG_KIND_BOOL,                                                                     \
     .flags = (flags_),                                                                            \
     .at.boolean = &CONFIG_STRUCT.field_,                                                          \
     .initial = (initial_)},
#define OPTION_NUMBER_ROW(kind_, name_, alias_, field_, initial_, min_, max_, flags_, help_)       \
    {.name = (name_),                                                                              \
     .alias = (alias_),                                                                            \
     .help = (help_),                                                                              \
     .kind = (kind_),                                                                              \
     .flags = (flags_),                                                                            \
     .at.integer = &CONFIG_STRUCT.field_,                                                          \
     .initial = (initial_),                                                                        \
     .min = (min_),                                                                                \
     .max = (max_)},
#define OPTION_INT(name_, alias_, field_, initial_, min_, max_, flags_, help_)                     \
    OPTION_NUMBER_ROW(CONFIG_KIND_INT, name_, alias_, field_, initial_, min_, max_, flags_, help_)
#define OPTION_MEMORY(name_, alias_, field_, initial_, min_, max_, flags_, help_)                  \
    OPTION_NUMBER_ROW(CONFIG_KIND_MEMORY, name_, alias_, field_, initial_, min_, max_, flags_,     \
                      help_)
#define OPTION_OCTAL(name_, alias_, field_, initial_, max_, flags_, help_)                         \
    OPTION_NUMBER_ROW(CONFIG_KIND_OCTAL, name_, alias_, field_, initial_, 0, max_, flags_, help_)
#define OPTION_STRING(name_, alias_, field_, initial_, flags_, help_)                              \
    {.name = (name_),                                                                              \
     .alias = (alias_),                                                                            \
     .help = (help_),                                                                              \
     .kind = CONFIG_KIND_STRING,                                                                   \
     .flags = (flags_),                                                                            \
     .at.string = &CONFIG_STRUCT.field_,                                                           \
     .initial_text = (initial_)},
#define OPTION_BYTES(name_, alias_, field_, initial_, flags_, help_)                               \
    {.name = (name_),                                                                              \
     .alias = (alias_),                                                                            \
     .help = (help_),                                                                              \
     .kind = CONFIG_KIND_BYTES,                                                                    \
     .flags = (flags_),                                                                            \
     .at.bytes = &CONFIG_STRUCT.field_,                                                            \
     .initial_text = (initial_)},
#define OPTION_ENUM(name_, alias_, field_, table_, initial_, flags_, help_)                        \
    {.name = (name_),                                                                              \
     .alias = (alias_),                                                                            \
     .help = (help_),                                                                              \
     .kind = CONFIG_KIND_ENUM,                                                                     \
     .flags = (flags_),                                                                            \
     .at.choice = &CONFIG_STRUCT.field_,                                                           \
     .initial = (initial_),                                                                        \
     .table = (table_)},
#define OPTION_CUSTOM(name_, alias_, ops_, flags_, help_)                                          \
    {.name = (name_),                                                                              \
     .alias = (alias_),                                                                            \
     .help = (help_),                                                                              \
     .kind = CONFIG_KIND_CUSTOM,                                                                   \
     .flags = (flags_),                                                                            \
     .custom = (ops_)},
