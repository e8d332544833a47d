const mark = "```";
const t = `a ``` b`; // ``` trailing
const r = /```/g;
