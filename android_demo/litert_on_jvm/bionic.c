/* What LiteRT's library for Android expects of bionic, Android's C library, and glibc lacks.

   For tests alone. Names that begin with b stand for those of <stdio.h> that prepare.py renames:
   bionic's stdin, stdout and stderr are elements of __sF, which glibc's functions do not know. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

char __sF[3 * 256];

static FILE *stream(void *given) {
    char *address = given;
    return address >= __sF && address < __sF + sizeof __sF ? stderr : given;
}

int vbprintf(void *to, const char *format, va_list values) {
    return vfprintf(stream(to), format, values);
}

int bprintf(void *to, const char *format, ...) {
    va_list values;
    va_start(values, format);
    int written = vfprintf(stream(to), format, values);
    va_end(values);
    return written;
}

int bputc(int character, void *to) { return fputc(character, stream(to)); }

size_t bwrite(const void *from, size_t size, size_t count, void *to) {
    return fwrite(from, size, count, stream(to));
}

int bflush(void *to) { return fflush(to ? stream(to) : NULL); }

int *__errno(void) { return __errno_location(); }

size_t __strlen_chk(const char *text, size_t size) { (void)size; return strlen(text); }

int __system_property_get(const char *name, char *value) { (void)name; value[0] = 0; return 0; }

void android_set_abort_message(const char *message) { fprintf(stderr, "abort: %s\n", message); }

int __android_log_vprint(int priority, const char *tag, const char *format, va_list values) {
    (void)priority;
    fprintf(stderr, "%s: ", tag);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    return 1;
}
