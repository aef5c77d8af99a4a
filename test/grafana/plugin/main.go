// A data source for Grafana that stands in for grafana-clickhouse-datasource where that cannot be had: the same SDK, the same
// driver with the same options, macros and column types as its documentation has them.
package main

import (
	"log"
	"os"

	"github.com/grafana/grafana-plugin-sdk-go/backend/datasource"
)

const pluginID = "grafana-clickhouse-datasource"

func main() {
	if err := datasource.Manage(pluginID, newSource, datasource.ManageOpts{}); err != nil {
		log.Print(err)
		os.Exit(1)
	}
}
