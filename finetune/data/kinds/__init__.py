"""The kinds of sources, a module each: every one turns what the user gave into a `finetune.data.labelled.Found`."""
