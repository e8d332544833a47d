"""Where replies come from: model servers, and the composer that needs none."""
