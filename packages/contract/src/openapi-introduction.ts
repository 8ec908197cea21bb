/** What holds for every operation, as the reference begins with it (Markdown). */
export const introduction = `Build connectors from git repositories, try them on a dev site, release them to production.

## Conventions

### Signing in

Every call carries \`Authorization: Bearer <token>\`: a personal access token, or an access token of the server's own OAuth 2.1
provider, whose addresses stand in [/.well-known/openid-configuration](/.well-known/openid-configuration).

\`\`\`sh
curl -H "Authorization: Bearer $TOKEN" "$API/connectors?limit=10"
\`\`\`

### Answers and refusals

Most answers are \`{"message", "resource", "data"}\`; a list has \`metadata\` beside its \`data\`. A refusal with 400 names each faulty
field in \`errors\`, or has an empty list there when none is to blame. \`X-Request-Id\` leads to the server's log.

### Lists

\`limit\` items a page; \`metadata.next\` is the address of the next page, and null on the last one. Nothing is skipped or doubled
while others insert.

### Safe changes

A change with an \`Idempotency-Key\` is made once, however often it is sent. With \`If-Match\` it is made only to what was read.

### Work in the background

Builds and synchronizations answer 202 with the id of a state. Follow it at \`/states/{stateId}/events\`, or ask \`/states/{stateId}\`
until its \`status\` is no longer \`pending\`.

### Streams

Where an answer lists them, \`Accept: application/x-ndjson\` gives one object a line, \`text/csv\` a file, and \`text/event-stream\` a log
as it grows; \`Last-Event-ID\` resumes it.

### Rates

600 requests a minute for a token; beyond that 429 with \`Retry-After\`.`;
