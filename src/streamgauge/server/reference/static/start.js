// Where the page reads the description from; it asks nobody else.
"use strict";
window.addEventListener("DOMContentLoaded", () => {
  SwaggerUIBundle({
    url: "/openapi.json", dom_id: "#swagger-ui", validatorUrl: null, deepLinking: true, docExpansion: "list",
    defaultModelsExpandDepth: 0, tryItOutEnabled: false,
  });
});
