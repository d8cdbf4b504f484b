#!/bin/sh
# Makes the certificates that the TLS tests use: an authority, a server for localhost and a client. None guards anything.
set -eu
cd "$(dirname "$0")"
days=36500
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days $days \
  -keyout ca.key -out ca.pem -subj "/CN=planoai test authority"
for who in server client; do
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout $who.key -out $who.csr -subj "/CN=$who"
  printf 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\nbasicConstraints=CA:FALSE\n' > $who.ext
  openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days $days -extfile $who.ext -out $who.pem
done
rm -f ./*.csr ./*.ext ./*.srl ca.key
