// What istiod makes of its objects, as a gateway of Istio would be told: YAML in, Envoy's routes and clusters out, as JSON.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/networking/core"
	"istio.io/istio/pkg/test"
)

var labels = map[string]string{"istio": "ingress"}

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err == nil {
		err = told(string(text))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func told(text string) error {
	configs, _, err := crd.ParseInputs(text) // by Istio's own validation, too
	if err != nil {
		return err
	}
	for number := range configs {
		configs[number].Domain = "cluster.local" // as istiod says of what it reads in a cluster
	}
	return test.Wrap(func(t test.Failer) {
		made := core.NewConfigGenTest(t, core.TestOptions{Configs: configs})
		gateway := made.SetupProxy(&model.Proxy{
			Type:            model.Router,
			ConfigNamespace: "models",
			Labels:          labels,
			Metadata:        &model.NodeMetadata{Namespace: "models", Labels: labels},
		})
		said := map[string][]json.RawMessage{}
		for _, one := range made.Routes(gateway) {
			said["routes"] = append(said["routes"], written(t, one))
		}
		for _, one := range made.Clusters(gateway) {
			said["clusters"] = append(said["clusters"], written(t, one))
		}
		if err := json.NewEncoder(os.Stdout).Encode(said); err != nil {
			t.Fatal(err)
		}
	})
}

func written(t test.Failer, message proto.Message) json.RawMessage {
	text, err := protojson.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
