// Copyright (c) 2026, the pgtls.postgresql authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;

/** Connects with pgjdbc to each URL of standard input, as programs.py says. */
class Connect {
    private static String connect(String url, String query) {
        try (Connection connection = DriverManager.getConnection(url);
                ResultSet row = connection.createStatement().executeQuery(query)) {
            row.next();
            return "connected\t" + row.getString(1);
        } catch (SQLException error) {
            StringBuilder reasons = new StringBuilder(error.getMessage());
            for (Throwable cause = error.getCause(); cause != null; cause = cause.getCause()) {
                reasons.append(": ").append(cause.getMessage());
            }
            return "refused\t" + reasons.toString().replaceAll("\\s+", " ");
        }
    }

    public static void main(String[] arguments) throws Exception {
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            System.out.println(connect(line, arguments[0]));
        }
    }
}
