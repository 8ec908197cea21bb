#!/bin/sh
# The four data flows with curl. Rows are put together as text: values hold neither quotes nor braces.
set -eu
api=$CONTAINER_API_URL
status=''

# call METHOD PATH [BODY]: the answer's body, its status in $status
call() {
  answer=$(curl -sS --max-time 5 -X "$1" -w '\n%{http_code}' ${3+-H 'Content-Type: application/json' -d "$3"} "$api$2")
  status=${answer##*
}
  answer=${answer%
*}
}
write() {
  call POST "/output/$1" "{\"data\":$2}"
  [ "$status" = 201 ] || { echo "writing to $1 answered $status: $answer" >&2; exit 1; }
}
# batches STREAM TO COLUMN VALUE: reads a stream in batches and writes it with one more column
batches() {
  while :; do
    call GET "/input/$1/next_batch?size=50"
    [ "$status" = 200 ] || { echo "reading $1 answered $status" >&2; exit 1; }
    rows=${answer#'{"message":"","data":'}
    rows=${rows%'}'}
    [ "$rows" = '[]' ] && return 0
    write "$2" "$(printf %s "$rows" | sed "s/\"}/\",\"$3\":\"$4\"}/g")"
  done
}

case $1 in
  datasource)
    id=1
    while [ "$id" -le 120 ]; do
      write output "[{\"id\":$id,\"price\":9.90,\"tags\":[\"a\",\"b\"]}]"
      id=$((id + 1))
    done ;;
  data-service) batches input output label seen ;;
  export)
    while :; do
      call GET /input/input/next
      [ "$status" = 204 ] && break
      row=${answer#'{"message":"","data":'}
      row=${row%'}}'}
      write feedback "[$row,\"status\":\"ok\"}]"
    done ;;
  export-delta)
    for stream in new modified unchanged deleted; do batches "$stream" feedback change "$stream"; done ;;
esac
call POST /logs/info '{"message":"done","context":{"client":"curl"}}'
call POST /output/output/close
[ "$status" = 204 ]
