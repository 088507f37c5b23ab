// Copyright (c) 2026, the pgtls.postgresql authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Connects with lib/pq, pgx or pgxpool to each connection string of standard input, as programs.py says: connect LIBRARY QUERY
//
// A connection string that comes again is served by the same pool, which keeps no connection open.
package main

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
	_ "github.com/jackc/pgx/v4/stdlib"
	_ "github.com/lib/pq"
)

var databases = map[string]*sql.DB{}
var pools = map[string]*pgxpool.Pool{}

func askDatabase(driver, conninfo, query string) (answer string, err error) {
	database, known := databases[conninfo]
	if !known {
		if database, err = sql.Open(driver, conninfo); err != nil {
			return
		}
		database.SetMaxIdleConns(-1)
		databases[conninfo] = database
	}
	err = database.QueryRow(query).Scan(&answer)
	return
}

func askPool(conninfo, query string) (answer string, err error) {
	pool, known := pools[conninfo]
	if !known {
		configuration, err := pgxpool.ParseConfig(conninfo)
		if err != nil {
			return "", err
		}
		configuration.AfterRelease = func(*pgx.Conn) bool { return false }
		configuration.LazyConnect = true
		if pool, err = pgxpool.ConnectConfig(context.Background(), configuration); err != nil {
			return "", err
		}
		pools[conninfo] = pool
	}
	err = pool.QueryRow(context.Background(), query).Scan(&answer)
	return
}

func main() {
	library, query := os.Args[1], os.Args[2]
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var answer string
		var err error
		if library == "pgxpool" {
			answer, err = askPool(lines.Text(), query)
		} else {
			answer, err = askDatabase(library, lines.Text(), query)
		}
		outcome := "connected"
		if err != nil {
			outcome, answer = "refused", strings.Join(strings.Fields(err.Error()), " ")
		}
		fmt.Printf("%s\t%s\n", outcome, answer)
	}
}
