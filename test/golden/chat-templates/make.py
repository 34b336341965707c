#!/usr/bin/env python3
"""What transformers' apply_chat_template writes for chat templates of the shapes that models come with.

Writes golden.json: madeBy, templates (by name), conversations, and written: of each template and conversation the text,
or {"error": ...} where the template refuses. The templates are written for this file: they have the structure that the
named families' have (system message folded into the first turn, turn markers, alternation checked, ...), not their words.
"""
import json
import pathlib

import transformers
from tokenizers import Tokenizer, models

HERE = pathlib.Path(__file__).parent

TEMPLATES = {
    # The system message goes into the first user turn; turns must alternate; every exchange is a sequence of its own.
    "llama-2": """{% if messages[0]['role'] == 'system' %}
    {% set system = messages[0]['content'] %}
    {% set turns = messages[1:] %}
{% else %}
    {% set system = false %}
    {% set turns = messages %}
{% endif %}
{% for turn in turns %}
    {% if (turn['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{ raise_exception('turns must alternate: user, assistant, user, ...') }}
    {% endif %}
    {% if loop.index0 == 0 and system != false %}
        {% set content = '<<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n' + turn['content'] %}
    {% else %}
        {% set content = turn['content'] %}
    {% endif %}
    {% if turn['role'] == 'user' %}
        {{- bos_token + '[INST] ' + content.strip() + ' [/INST]' -}}
    {% elif turn['role'] == 'assistant' %}
        {{- ' ' + content.strip() + ' ' + eos_token -}}
    {% endif %}
{% endfor %}""",
    # Headers around roles, BOS before the first only.
    "llama-3": """{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start|>' + message['role'] + '<|end|>\n\n' + message['content'] | trim + '<|eot|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start|>assistant<|end|>\n\n' }}{% endif %}""",
    # A fixed day where none is given, tools tested for, whitespace control everywhere.
    "llama-3.1": """{{- bos_token }}
{%- if custom_tools is defined %}
    {%- set tools = custom_tools %}
{%- endif %}
{%- if not date_string is defined %}
    {%- if fixed_date is defined %}
        {%- set date_string = fixed_date %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start|>system<|end|>\\n\\n" }}
{%- if tools is not none %}
    {{- "Environment: ipython\\n" }}
{%- endif %}
{{- "Today: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or 'tool_calls' in message) %}
        {{- '<|start|>' + message['role'] + '<|end|>\\n\\n' + message['content'] | trim + '<|eot|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start|>assistant<|end|>\\n\\n' }}
{%- endif %}
""",
    # A namespace counts turns; the system message goes before the last user turn.
    "mistral": """{%- if messages[0]["role"] == "system" %}{%- set system_message = messages[0]["content"] %}{%- set loop_messages = messages[1:] %}{%- else %}{%- set loop_messages = messages %}{%- endif %}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or message.role == "tool_results") %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("after the system message, roles alternate") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- else %}
        {{- raise_exception("only user and assistant roles are known") }}
    {%- endif %}
{%- endfor %}
""",
    # A system message of its own where none is given; tools as JSON.
    "qwen-2.5": """{%- if tools %}
    {{- '<|begin|>system\\n' }}{%- for tool in tools %}{{- tool | tojson }}{%- endfor %}
{%- else %}
    {%- if messages[0]['role'] == 'system' %}
        {{- '<|begin|>system\\n' + messages[0]['content'] + '<|stop|>\\n' }}
    {%- else %}
        {{- '<|begin|>system\\nYou answer questions.<|stop|>\\n' }}
    {%- endif %}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|begin|>' + message.role + '\\n' + message.content + '<|stop|>' + '\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|begin|>assistant\\n' }}
{%- endif %}
""",
    # Of SmolLM2-135M-Instruct (Apache-2.0).
    "smollm2": "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    # What else templates use: macros, tests, filters, methods, loops with else, slices, ternaries, reversed loops.
    "odds": """{%- macro turn(role, text='none') -%}
[{{ role|upper }}] {{ text }}
{%- endmacro -%}
{%- for m in messages[::-1] -%}
  {{ loop.index }}/{{ loop.length }} {{ turn(m.role, m.content) }}{{ ', ' if not loop.last else '.' }}
{% else -%}
  nobody
{%- endfor -%}
{%- set users = messages | selectattr('role', 'equalto', 'user') | list -%}
{{ users|length }} {{ users|map(attribute='role')|join('+') }} {% for i in range(3) %}{{ i }}{% endfor %}
{%- if messages[-1].content is string and 'the' in messages[-1].content %} has the {{ messages[-1].content.split('the')|length }}{% endif %}
{{ 'You' if messages[0].content.startswith('You') else 'other' }} {{ (messages|last).content|replace("a", "o") }} {{ messages[0] | tojson }}
{{ messages[0].content[:3] }}|{{ messages[0].content[-3:] }}|{{ 1 if none is none }}|{{ 7 // 2 }}|{{ 7 % 4 }}|{{ 1.5 + 1 }}
""",
}

CONVERSATIONS = [
    [("user", "What is the capital of France?")],
    [("user", "  spaces around \n")],
    [("user", "")],
    [("system", "You are brief."), ("user", "Name the mill.")],
    [("system", " You are \n brief. "), ("user", "Name the mill."), ("assistant", " The mill. "), ("user", "Again, the same.")],
    [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d"), ("user", "e")],
    [("user", "你好 👋 'quotes' \"double\" \\ back {{ not jinja }} {% nor this %}")],
    [("user", "first"), ("user", "second")],
    [("assistant", "I begin"), ("user", "no")],
    [("user", "text with <s> and </s> and <|im_end|> in it")],
    [("user", "tab\there\r\nand lines\n\nmore")],
]

# transformers has strftime_now, and a template that asks for it today's date; "fixed_date" stands for that question here.


def main():
    vocab = {"<unk>": 0, "<s>": 1, "</s>": 2}
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(vocab, unk_token="<unk>")), bos_token="<s>", eos_token="</s>", unk_token="<unk>")
    conversations = [[{"role": role, "content": content} for role, content in c] for c in CONVERSATIONS]
    written = {}
    for name, template in TEMPLATES.items():
        written[name] = []
        for conversation in conversations:
            try:
                text = tokenizer.apply_chat_template(conversation, chat_template=template, tokenize=False, add_generation_prompt=True)
                written[name].append(text)
            except Exception as error:  # the template's own refusal
                written[name].append({"error": str(error)})
    golden = {"madeBy": f"transformers {transformers.__version__}", "templates": TEMPLATES, "conversations": conversations,
              "written": written}
    (HERE / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")


main()
