// Service answers as a model's server does, at a tenth of its cost, so that two cores carry many teams' releases side by side.
// Of requests 0.5 % fail; half of the others take 5 ms, one in a hundred 0.23 s. KINDS names the versions that do otherwise:
// "3=failing 4=slow", of which the one fails 5 %, the other takes twice as long.
package main

import (
	"encoding/json"
	"io"
	"log"
	"math"
	"math/rand"
	"net/http"
	"os"
	"strings"
	"time"
)

const release = "/opt/modelway/release.json" // as build-image writes it into every image

func main() {
	said, err := os.ReadFile(release)
	if err != nil {
		log.Fatal(err)
	}
	var named struct{ Version json.Number }
	if err := json.Unmarshal(said, &named); err != nil {
		log.Fatalf("%s: %v", release, err)
	}
	failing, times := 0.005, 1.0
	for _, pair := range strings.Fields(os.Getenv("KINDS")) {
		switch version, kind, _ := strings.Cut(pair, "="); {
		case version != named.Version.String():
		case kind == "failing":
			failing = 0.05
		case kind == "slow":
			times = 2
		default:
			log.Fatalf("KINDS: %s is neither failing nor slow", pair)
		}
	}
	answer := func(to http.ResponseWriter, status int, body string) {
		to.Header().Set("Content-Type", "application/json")
		to.Header().Set("X-Modelway-Version", named.Version.String())
		to.WriteHeader(status)
		io.WriteString(to, body)
	}
	http.HandleFunc("GET /ready", func(to http.ResponseWriter, _ *http.Request) { answer(to, 200, `{"status": "ready"}`) })
	http.HandleFunc("GET /model/version", func(to http.ResponseWriter, _ *http.Request) { answer(to, 200, string(said)) })
	http.HandleFunc("POST /predict", func(to http.ResponseWriter, asked *http.Request) {
		io.Copy(io.Discard, asked.Body)
		if rand.Float64() < failing {
			answer(to, 500, `{"error": "some requests fail"}`)
			return
		}
		time.Sleep(time.Duration(times * math.Exp(-5.3+1.65*rand.NormFloat64()) * float64(time.Second)))
		answer(to, 200, `[[0.5, 0.5]]`)
	})
	log.Fatal(http.ListenAndServe(":8080", nil))
}
