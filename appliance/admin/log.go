package admin

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/logs"
)

const defaultLogLines = 100

// showLog prints the last lines of all services or of one, and with -f those
// that follow, until it is interrupted.
func showLog(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("log", flag.ContinueOnError)
	follow := flags.Bool("f", false, "")
	lines := flags.Int("n", defaultLogLines, "")
	asJSON := flags.Bool("json", false, "")
	words, err := cli.Options(flags, args, 1)
	if err != nil {
		return err
	}
	request := logs.Args{Lines: *lines, Follow: *follow}
	if len(words) == 1 {
		request.Service = words[0]
	}
	err = env.list(ctx, InitService, "log", request, *follow, func(raw json.RawMessage) error {
		var l logs.Dated
		if err := json.Unmarshal(raw, &l); err != nil {
			return err
		}
		if *asJSON {
			return cli.JSONLine(env.Stdout, l)
		}
		return printLine(env.Stdout, l)
	})
	if errors.Is(err, context.Canceled) {
		return nil // Ctrl-C ends a log that is followed
	}
	return err
}

func printLine(w io.Writer, l logs.Dated) error {
	_, err := fmt.Fprintf(w, "%s  %-6s %s\n", l.Time.UTC().Format("2006-01-02 15:04:05.000"), l.Service,
		l.Text)
	return err
}
