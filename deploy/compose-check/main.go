// Loads a compose file the way docker compose does (interpolation, merges, consistency) with the Compose
// Specification's own parser, and prints the resolved project as JSON. Exits 1 with the parser's message otherwise.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	project, err := load(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Stdout.Write(project)
}

func load(files []string) ([]byte, error) {
	if len(files) == 0 {
		return nil, fmt.Errorf("usage: compose-check FILE...; variables come from the environment")
	}
	// every profile, so that services outside the default one are checked too
	options, err := cli.NewProjectOptions(files, cli.WithOsEnv, cli.WithConsistency(true), cli.WithProfiles([]string{"*"}))
	if err != nil {
		return nil, err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return nil, err
	}
	return project.MarshalJSON()
}
