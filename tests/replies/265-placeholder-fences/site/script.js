start();
// ... rest of the code remains the same
