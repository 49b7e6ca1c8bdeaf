"""The AsyncAPI 3.0 document: every subject, who sends, who receives, and the questions with their answers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from shared.contracts.dead_letter import DeadLetter
from shared.contracts.envelope import Envelope
from shared.contracts.problem import Problem
from shared.contracts.registry import EVENTS, EventSpec
from shared.contracts.rpc.catalogue import VERBS
from shared.contracts.rpc.verb import RpcVerb
from shared.contracts.topology import STREAMS, readers_of

VERSION = "1.0.0"
_REF = "#/components/schemas/{model}"


def asyncapi() -> dict[str, Any]:
    """The document, made from registry, catalogue and topology alone."""
    shapes = _Shapes()
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for spec in EVENTS:
        _add_event(spec, shapes, channels, operations)
    for verb in VERBS:
        _add_verb(verb, shapes, channels, operations)
    _add_dead_letters(shapes, channels, operations)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Basketry events and questions",
            "version": VERSION,
            "description": "Events travel on NATS JetStream in the envelope; questions are NATS request/reply.",
        },
        "defaultContentType": "application/json",
        "servers": {"bus": {"host": "127.0.0.1:4222", "protocol": "nats"}},
        "channels": channels,
        "operations": operations,
        "components": {"schemas": shapes.definitions()},
    }


class _Shapes:
    """All models of the document, each described once."""

    def __init__(self) -> None:
        wanted: list[type[BaseModel]] = [Envelope[spec.model] for spec in EVENTS]  # type: ignore[name-defined]
        wanted += [model for verb in VERBS for model in (verb.request, verb.reply)]
        wanted += [Problem, DeadLetter]
        mode: JsonSchemaMode = "validation"
        pairs = [(model, mode) for model in dict.fromkeys(wanted)]
        self._references, self._described = models_json_schema(pairs, ref_template=_REF)

    def reference(self, model: type[BaseModel]) -> dict[str, Any]:
        """Points at a model."""
        return dict(self._references[(model, "validation")])

    def definitions(self) -> dict[str, Any]:
        """All of them."""
        return dict(sorted(self._described["$defs"].items()))


def _add_event(spec: EventSpec, shapes: _Shapes, channels: dict[str, Any], operations: dict[str, Any]) -> None:
    key = f"{spec.type}.v{spec.version}"
    stream = next(one.name for one in STREAMS if f"{spec.domain}.>" in one.subjects)
    channels[key] = {
        "address": f"{spec.domain}.v{spec.version}.{spec.name}.{{user}}.{{entity}}",
        "description": (spec.model.__doc__ or "").strip(),
        "parameters": {
            "user": {"description": "Whose event it is; `_` where there is none."},
            "entity": {"description": "What it is about; `_` where there is none."},
        },
        "messages": {spec.model.__name__: _message(spec.model.__name__, shapes.reference(Envelope[spec.model]))},  # type: ignore[name-defined]
        "x-stream": stream,
    }
    operations[f"{spec.owner}.sends.{key}"] = _operation("send", key, spec.owner)
    for consumer in readers_of(spec.domain, spec.version, spec.name):
        operations[f"{consumer.name}.receives.{key}"] = {
            **_operation("receive", key, consumer.service),
            "x-durable": consumer.name,
        }


def _add_verb(verb: RpcVerb[Any, Any], shapes: _Shapes, channels: dict[str, Any], operations: dict[str, Any]) -> None:
    answers = f"{verb.subject}.reply"
    channels[verb.subject] = {
        "address": verb.subject,
        "messages": {"request": _message(verb.request.__name__, shapes.reference(verb.request))},
    }
    channels[answers] = {
        "address": None,
        "messages": {
            "reply": _message(verb.reply.__name__, shapes.reference(verb.reply)),
            "problem": _message("Problem", shapes.reference(Problem)),
        },
    }
    reply = {"channel": _channel(answers)}
    operations[f"{verb.service}.answers.{verb.verb}"] = {
        **_operation("receive", verb.subject, verb.service),
        "reply": reply,
        "x-timeout-seconds": verb.timeout_s,
        "x-acts": verb.acts,
    }
    for caller in verb.callers:
        operations[f"{caller}.asks.{verb.subject}"] = {**_operation("send", verb.subject, caller), "reply": reply}


def _add_dead_letters(shapes: _Shapes, channels: dict[str, Any], operations: dict[str, Any]) -> None:
    channels["dlq"] = {
        "address": "dlq.{service}.{stream}",
        "description": (DeadLetter.__doc__ or "").strip().partition("\n")[0],
        "parameters": {"service": {"description": "Who buried it."}, "stream": {"description": "Where it came from."}},
        "messages": {"DeadLetter": _message("DeadLetter", shapes.reference(DeadLetter))},
        "x-stream": "DLQ",
    }
    operations["gateway-dlq.receives.dlq"] = {**_operation("receive", "dlq", "gateway"), "x-durable": "gateway-dlq"}


def _message(name: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "contentType": "application/json", "payload": payload}


def _operation(action: str, channel: str, service: str) -> dict[str, Any]:
    return {"action": action, "channel": _channel(channel), "x-service": service}


def _channel(key: str) -> dict[str, str]:
    return {"$ref": f"#/channels/{key}"}
