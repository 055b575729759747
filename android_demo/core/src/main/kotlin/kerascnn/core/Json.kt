package kerascnn.core

/**
 * JSON as plain values: maps, lists, strings, numbers (Double), Booleans and null.
 *
 * Android and the JVM share no JSON reader without a dependency, and metadata is small.
 */
object Json {
    /** Reads a whole text; throws [IllegalArgumentException], which says where, for anything else. */
    fun read(text: String): Any? = JsonReader(text).whole()

    /** Writes maps, lists, strings, finite numbers, Booleans and null. */
    fun write(value: Any?): String = StringBuilder().also { append(it, value) }.toString()

    private fun append(
        to: StringBuilder,
        value: Any?,
    ) {
        when (value) {
            null, is Boolean, is Int, is Long -> to.append(value)
            is Float, is Double -> to.append((value as Number).toDouble().also { require(it.isFinite()) })
            is String -> quote(to, value)
            is Map<*, *> -> joined(to, "{}", value.entries) { (key, element) ->
                quote(to, key as String)
                to.append(':')
                append(to, element)
            }
            is List<*> -> joined(to, "[]", value) { append(to, it) }
            else -> throw IllegalArgumentException("no JSON for ${value::class}")
        }
    }

    private fun <T> joined(
        to: StringBuilder,
        brackets: String,
        elements: Collection<T>,
        append: (T) -> Unit,
    ) {
        to.append(brackets[0])
        elements.forEachIndexed { number, element ->
            if (number > 0) to.append(',')
            append(element)
        }
        to.append(brackets[1])
    }

    private fun quote(
        to: StringBuilder,
        text: String,
    ) {
        to.append('"')
        for (c in text) {
            when {
                c == '"' || c == '\\' -> to.append('\\').append(c)
                c < ' ' -> to.append("\\u%04x".format(c.code))
                else -> to.append(c)
            }
        }
        to.append('"')
    }
}

private const val DEEPEST = 64
private val NUMBER = Regex("-?(0|[1-9]\\d*)(\\.\\d+)?([eE][-+]?\\d+)?")
private const val ESCAPED = "\"\\/bfnrt"
private const val MEANT = "\"\\/\b\u000c\n\r\t"

private class JsonReader(
    private val text: String,
) {
    private var place = 0

    fun whole(): Any? {
        val found = value(0)
        space()
        if (place < text.length) fail("expected the end")
        return found
    }

    private fun value(depth: Int): Any? {
        if (depth > DEEPEST) fail("nested too deeply")
        space()
        return when (text.getOrNull(place)) {
            '{' -> tree(depth)
            '[' -> list(depth)
            '"' -> string()
            't' -> word("true", true)
            'f' -> word("false", false)
            'n' -> word("null", null)
            else -> number()
        }
    }

    private fun tree(depth: Int): Map<String, Any?> {
        val found = LinkedHashMap<String, Any?>()
        each('}') {
            space()
            if (text.getOrNull(place) != '"') fail("expected a name")
            val name = string()
            space()
            take(':')
            found[name] = value(depth + 1)
        }
        return found
    }

    private fun list(depth: Int): List<Any?> {
        val found = ArrayList<Any?>()
        each(']') { found.add(value(depth + 1)) }
        return found
    }

    private fun each(
        end: Char,
        element: () -> Unit,
    ) {
        place++
        space()
        if (text.getOrNull(place) == end) {
            place++
            return
        }
        while (true) {
            element()
            space()
            if (text.getOrNull(place) == end) break
            take(',')
        }
        place++
    }

    private fun string(): String {
        val found = StringBuilder()
        place++
        while (true) {
            val c = text.getOrNull(place++) ?: fail("a text without an end")
            when {
                c == '"' -> return found.toString()
                c == '\\' -> found.append(escape())
                c < ' ' -> fail("a control character in a text")
                else -> found.append(c)
            }
        }
    }

    private fun escape(): Char {
        val c = text.getOrNull(place++) ?: fail("a text without an end")
        if (c == 'u') {
            val digits = text.substring(place, minOf(place + 4, text.length))
            place += 4
            return digits.takeIf { it.length == 4 }?.toIntOrNull(16)?.toChar() ?: fail("expected 4 digits")
        }
        val known = ESCAPED.indexOf(c)
        return if (known >= 0) MEANT[known] else fail("an unknown escape")
    }

    private fun word(
        word: String,
        value: Any?,
    ): Any? {
        if (!text.startsWith(word, place)) fail("expected $word")
        place += word.length
        return value
    }

    private fun number(): Double {
        val found = NUMBER.matchAt(text, place) ?: fail("expected a value")
        place = found.range.last + 1
        return found.value.toDouble()
    }

    private fun take(c: Char) {
        if (text.getOrNull(place) != c) fail("expected $c")
        place++
    }

    private fun space() {
        while (place < text.length && text[place] in " \t\r\n") place++
    }

    private fun fail(what: String): Nothing = throw IllegalArgumentException("JSON: $what at character $place")
}
