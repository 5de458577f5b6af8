/* Ends a use of config/declare_fields.h or config/declare_table.h. No include guard. */
#undef OPTION_BOOL
#undef OPTION_INT
#undef OPTION_MEMORY
#undef OPTION_OCTAL
#undef OPTION_STRING
#undef OPTION_BYTES
#undef OPTION_ENUM
#undef OPTION_CUSTOM
#undef OPTION_NUMBER_ROW
