"""Templates with what is always the same worked out once: words of a language, addresses without arguments, symbols.

A page of the desk has more than a hundred sentences to look up, and each cost as much as a value of the database. The
loader keeps a template once a language and puts the finished text in the place of every tag whose result depends on
nothing else; neighbouring texts become one. What a template renders does not change (tests/test_folding.py).
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.template import Context, NodeList, Template
from django.template.base import Node, TextNode
from django.template.defaulttags import IfNode, URLNode
from django.template.library import SimpleNode
from django.template.loaders import base, cached
from django.templatetags.i18n import TranslateNode
from django.templatetags.static import StaticNode
from django.urls import NoReverseMatch, reverse
from django.utils.translation import get_language


def always_same(function: Any) -> Any:
    """Mark a simple tag whose result depends on its arguments and the language alone."""
    function.is_always_same = True
    return function


class _Folding(base.Loader):
    """Folds a template when it is made, before anybody else sees it."""

    def get_template(self, template_name: str, skip: Any = None) -> Template:
        template = super().get_template(template_name, skip)
        fold(template.nodelist)
        return template


class Loader(cached.Loader, _Folding):
    """Keeps every template once a language, folded."""

    def cache_key(self, template_name: str, skip: Any = None) -> str:
        """Return the key of a template in the language that is active."""
        return f"{get_language()}:{super().cache_key(template_name, skip)}"


def fold(nodes: NodeList) -> None:
    """Replace what is constant by its text, here and in everything inside."""
    folded: list[Node] = []
    for node in nodes:
        for inner in _inside(node):
            fold(inner)
        node = _prepared(node)
        text = node.s if isinstance(node, TextNode) else _text(node)
        if text is None:
            folded.append(node)
        elif folded and isinstance(folded[-1], TextNode):
            folded[-1] = TextNode(folded[-1].s + text)
        else:
            folded.append(TextNode(text))
    nodes[:] = folded


class _Address(Node):
    """The address of something by its number, without a search through all addresses."""

    child_nodelists = ()

    def __init__(self, whole: URLNode, before: str, after: str) -> None:
        self.whole, self.before, self.after = whole, before, after

    def render(self, context: Context) -> str:
        """Return the address; anything but a number goes the usual way."""
        number = self.whole.args[0].resolve(context)
        if type(number) is int and number >= 0:
            return f"{self.before}{number}{self.after}"
        return str(self.whole.render(context))


MARK = 987_654_321  # a number that stands in no address of ours


def _prepared(node: Node) -> Node:
    """Return what renders an address that takes one number in its place."""
    if not isinstance(node, URLNode) or len(node.args) != 1 or node.kwargs or node.asvar is not None:
        return node
    if not _are_constant([node.view_name]):
        return node
    try:
        before, mark, after = reverse(str(node.view_name.var), args=[MARK]).partition(str(MARK))
    except NoReverseMatch:
        return node
    return _Address(node, before, after) if mark else node


def _inside(node: Node) -> Iterator[NodeList]:
    """Return the lists of nodes that a node holds itself, not copies of them."""
    if isinstance(node, IfNode):
        for _condition, inner in node.conditions_nodelists:
            yield inner
        return
    for name in node.child_nodelists:
        held = getattr(node, name, None)
        if isinstance(held, NodeList):
            yield held


def _are_constant(expressions: Sequence[Any]) -> bool:
    return all(not one.is_var and not one.filters for one in expressions)


def _is_constant(node: Node) -> bool:
    if isinstance(node, TranslateNode):
        said, context = node.filter_expression, node.message_context
        is_plain = said.var.literal is not None and not said.filters and not node.noop and node.asvar is None
        return is_plain and (context is None or _are_constant([context]))
    if isinstance(node, URLNode):
        return not node.args and not node.kwargs and node.asvar is None and _are_constant([node.view_name])
    if isinstance(node, SimpleNode) and getattr(node.func, "is_always_same", False):
        return node.target_var is None and _are_constant([*node.args, *node.kwargs.values()])
    if isinstance(node, StaticNode):
        return node.varname is None and _are_constant([node.path])
    return False


def _text(node: Node) -> str | None:
    """Return what a node always renders as, or None."""
    return str(node.render(Context())) if _is_constant(node) else None
