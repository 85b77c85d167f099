// Names metrics, units and labels by Prometheus' own library: one JSON object a line in, one out.
package main

import (
	"bufio"
	"encoding/json"
	"log"
	"os"

	"github.com/prometheus/otlptranslator"
)

type question struct {
	Name  string `json:"name"`
	Unit  string `json:"unit"`
	Type  string `json:"type"`
	Label string `json:"label"`
}

type answer struct {
	Name  string `json:"name"`
	Unit  string `json:"unit"`
	Label string `json:"label"`
}

var types = map[string]otlptranslator.MetricType{
	"gauge":     otlptranslator.MetricTypeGauge,
	"counter":   otlptranslator.MetricTypeMonotonicCounter,
	"updown":    otlptranslator.MetricTypeNonMonotonicCounter,
	"histogram": otlptranslator.MetricTypeHistogram,
	"summary":   otlptranslator.MetricTypeSummary,
}

func main() {
	namer := otlptranslator.MetricNamer{WithMetricSuffixes: true}
	units := otlptranslator.UnitNamer{}
	// As Prometheus' defaults have it.
	labels := otlptranslator.LabelNamer{UnderscoreLabelSanitization: true, PreserveMultipleUnderscores: true}
	in := bufio.NewScanner(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	for in.Scan() {
		var asked question
		if err := json.Unmarshal(in.Bytes(), &asked); err != nil {
			log.Fatal(err)
		}
		// An error leaves the name empty: there is none.
		name, _ := namer.Build(otlptranslator.Metric{Name: asked.Name, Unit: asked.Unit, Type: types[asked.Type]})
		label, _ := labels.Build(asked.Label)
		line, err := json.Marshal(answer{Name: name, Unit: units.Build(asked.Unit), Label: label})
		if err != nil {
			log.Fatal(err)
		}
		out.Write(append(line, '\n'))
	}
	if err := out.Flush(); err != nil {
		log.Fatal(err)
	}
}
