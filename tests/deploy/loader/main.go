// What Compose itself reads in files, as JSON: loader "PROFILE PROFILE" FILE…, with the environment alone, without .env.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
)

func read() ([]byte, error) {
	options, err := cli.NewProjectOptions(os.Args[2:], cli.WithOsEnv, cli.WithProfiles(strings.Fields(os.Args[1])))
	if err != nil {
		return nil, err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return nil, err
	}
	return project.MarshalJSON()
}

func main() {
	text, err := read()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(string(text))
}
