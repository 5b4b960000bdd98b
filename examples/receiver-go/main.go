// A receiver of Riskwire's webhooks in Go, with nothing but the standard library.
//
//	RECEIVER_SECRET=whsec_... go run ./examples/receiver-go
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	tolerance = 5 * time.Minute
	mostBytes = 1 << 20
)

// Verify checks a webhook by Standard Webhooks. body are the exact bytes that came: parse them only after this.
func Verify(secret string, header http.Header, body []byte, now time.Time) error {
	id, timestamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	signatures := header.Get("webhook-signature")
	if id == "" || timestamp == "" || signatures == "" {
		return errors.New("one of webhook-id, webhook-timestamp, webhook-signature is missing")
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > tolerance {
		return errors.New("webhook-timestamp is too far from this clock")
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return fmt.Errorf("the secret is not whsec_ and base64: %w", err)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.", id, timestamp)
	mac.Write(body)
	expected := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	// During a rotation there are two signatures; one of them is by our secret.
	for _, one := range strings.Split(signatures, " ") {
		if hmac.Equal([]byte(one), []byte(expected)) {
			return nil
		}
	}
	return errors.New("no signature of webhook-signature is by this secret")
}

type receiver struct {
	secret string
	mutex  sync.Mutex
	seen   map[string]bool
}

func (r *receiver) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(response, request.Body, mostBytes))
	if err != nil {
		http.Error(response, "the body could not be read", http.StatusBadRequest)
		return
	}
	if err := Verify(r.secret, request.Header, body, time.Now()); err != nil {
		fmt.Println("refused:", err)
		http.Error(response, err.Error(), http.StatusUnauthorized)
		return
	}
	var payload struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(body, &payload); err != nil {
		http.Error(response, "the body is not JSON", http.StatusBadRequest)
		return
	}
	id := request.Header.Get("webhook-id")
	r.mutex.Lock()
	if !r.seen[id] { // the same id is the same change, sent again
		r.seen[id] = true
		fmt.Println(payload.Type, id)
	}
	r.mutex.Unlock()
	response.WriteHeader(http.StatusNoContent)
}

func main() {
	secret := os.Getenv("RECEIVER_SECRET")
	if secret == "" {
		log.Fatal("set RECEIVER_SECRET to the whsec_... that POST /v1/endpoints showed")
	}
	port := os.Getenv("RECEIVER_PORT")
	if port == "" {
		port = "9410"
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	server := &http.Server{
		Handler:           &receiver{secret: secret, seen: map[string]bool{}},
		ReadHeaderTimeout: 10 * time.Second,
	}
	log.Fatal(server.Serve(listener))
}
