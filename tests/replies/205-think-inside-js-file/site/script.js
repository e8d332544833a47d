const prompt = `
<think>
step by step
`;
const end = '</think>';
</think>
