package logs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newTestLog()
		log.Write("dhcp", "one\ntwo\n")
		time.Sleep(time.Second)
		log.Event("dhcp", "ready")
		time.Sleep(time.Minute)
		handler := log.Handler(func() []string { return []string{"sshd", "dhcp"} })
		ask := func(ctx context.Context, args string) (string, error) {
			var got strings.Builder
			err := handler(ctx, json.RawMessage(args), func(v any) error {
				l := v.(Dated)
				_, err := fmt.Fprintln(&got, time.Until(l.Time), l.Line)
				return err
			})
			return got.String(), err
		}
		const one, two, ready = "-1m1s [    0.000000] dhcp: one\n", "-1m1s [    0.000000] dhcp: two\n",
			"-1m0s [    1.000000] dhcp: [init] ready\n"
		for _, c := range []struct{ args, want, err string }{
			{"", one + two + ready, "<nil>"},
			{`{"service":"dhcp","lines":2}`, two + ready, "<nil>"},
			{`{"lines":-1}`, "", "<nil>"},
			{`{"service":"sshd"}`, "", "<nil>"},
			{`{"service":"dhpc"}`, "", `nothing is called "dhpc"; there are: dhcp, sshd`},
			{`{"servise":"dhcp"}`, "", `arguments: json: unknown field "servise"`},
		} {
			if got, err := ask(t.Context(), c.args); got != c.want || fmt.Sprint(err) != c.err {
				t.Errorf("%s:\n%s%v\nwant\n%s%s", c.args, got, err, c.want, c.err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		time.AfterFunc(time.Second, func() {
			log.Write("sshd", "not asked for")
			log.Write("dhcp", "three")
		})
		got, err := ask(ctx, `{"service":"dhcp","lines":1,"follow":true}`)
		if want := ready + "0s [   62.000000] dhcp: three\n"; got != want || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("follow:\n%s%v\nwant\n%s", got, err, want)
		}
	})
}
