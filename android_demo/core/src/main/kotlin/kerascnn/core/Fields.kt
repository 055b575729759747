package kerascnn.core

/** A JSON object; what asks for a field that is not there, or of another kind, throws its name. */
internal class Fields private constructor(
    private val tree: Map<*, *>,
) {
    val names get() = tree.keys.map { it as String }

    fun string(name: String) = tree[name] as? String ?: fail(name, "a text")

    fun stringOrNull(name: String) = if (tree[name] == null) null else string(name)

    fun boolean(name: String) = tree[name] as? Boolean ?: fail(name, "true or false")

    fun number(name: String) = tree[name] as? Double ?: fail(name, "a number")

    fun numberOrNull(name: String) = if (tree[name] == null) null else number(name)

    fun int(name: String) = whole(tree[name]) ?: fail(name, "a whole number")

    fun fields(name: String) = of(tree[name] ?: fail(name, "an object"))

    fun list(name: String) = elements(name).map(::of)

    fun ints(name: String) = elements(name).map { whole(it) ?: fail(name, "whole numbers") }

    fun pairs(name: String) = elements(name).map { it as? List<*> ?: fail(name, "pairs") }

    fun strings(name: String) = elements(name).map { it as? String ?: fail(name, "texts") }

    private fun elements(name: String) = tree[name] as? List<*> ?: fail(name, "a list")

    private fun whole(value: Any?) = (value as? Double)?.takeIf { it == it.toInt().toDouble() }?.toInt()

    private fun fail(
        name: String,
        expected: String,
    ): Nothing = throw IllegalArgumentException("$name: expected $expected")

    companion object {
        fun of(value: Any?) = Fields(value as? Map<*, *> ?: throw IllegalArgumentException("expected an object"))
    }
}
