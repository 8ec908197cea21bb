<?php
// The four data flows with PHP's curl, over one handle.

$api = getenv('CONTAINER_API_URL');
$handle = curl_init();

function call(string $method, string $path, ?array $body = null, int $expect = 200): ?array
{
    global $api, $handle;
    curl_reset($handle);
    curl_setopt_array($handle, [
        CURLOPT_URL => $api . $path,
        CURLOPT_CUSTOMREQUEST => $method,
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => 5,
    ]);
    if ($body !== null) {
        curl_setopt($handle, CURLOPT_POSTFIELDS, json_encode($body));
        curl_setopt($handle, CURLOPT_HTTPHEADER, ['Content-Type: application/json']);
    }
    $text = curl_exec($handle);
    $status = curl_getinfo($handle, CURLINFO_RESPONSE_CODE);
    if ($status !== $expect && $status !== 204) {
        fwrite(STDERR, "$method $path answered $status: $text\n");
        exit(1);
    }
    return $status === 200 ? json_decode($text, true)['data'] : null;
}

function write(string $stream, array $rows): void
{
    call('POST', "/output/$stream", ['meta' => [], 'data' => $rows], 201);
}

function batches(string $stream): Generator
{
    while ($rows = call('GET', "/input/$stream/next_batch?size=50")) {
        yield $rows;
    }
}

switch ($argv[1]) {
    case 'datasource':
        foreach (array_chunk(range(1, 120), 30) as $ids) {
            write('output', array_map(fn ($id) => ['id' => $id, 'price' => '9.90', 'tags' => ['a', 'b']], $ids));
        }
        break;
    case 'data-service':
        foreach (batches('input') as $rows) {
            write('output', array_map(fn ($row) => $row + ['label' => 'seen'], $rows));
        }
        break;
    case 'export':
        while ($row = call('GET', '/input/input/next')) {
            write('feedback', [$row + ['status' => 'ok']]);
        }
        break;
    case 'export-delta':
        foreach (['new', 'modified', 'unchanged', 'deleted'] as $stream) {
            foreach (batches($stream) as $rows) {
                write('feedback', array_map(fn ($row) => $row + ['change' => $stream], $rows));
            }
        }
        break;
}
call('POST', '/logs/info', ['message' => 'done', 'context' => ['client' => 'php']], 201);
call('POST', '/output/output/close', null, 204);
