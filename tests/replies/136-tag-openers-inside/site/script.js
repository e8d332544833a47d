const open = '<file path="demo.txt">';
const two = `
<file path="demo2.txt">
`;
const b = '<boltAction type="file" filePath="x.js">';
