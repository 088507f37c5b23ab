# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of every major version, for when no server can be asked for its own table (pg_settings of real servers).

Under a heading (versions and type) stand names; "!" marks those that only a restart changes, "^" those that nothing
changes; in brackets follow the unit and the least and greatest number, or the words of an enum ("~" is a blank).
"""

from __future__ import annotations

import re
from functools import lru_cache

from ..setting_kind import Kind

_WORD = re.compile(r"([^\s!^\[]+)([!^]?)(?:\[([^\]]*)\])?\Z")
_HEADING = re.compile(r"([0-9]+)-([0-9]+) ([a-z]+)\Z")
_CONTEXTS = {"!": "postmaster", "^": "internal", "": "sighup"}

_TABLE = """\
13-19 bool
  allow_in_place_tablespaces allow_system_table_mods array_nulls autovacuum bonjour! check_function_bodies
  data_checksums^ data_sync_retry! debug_assertions^ debug_pretty_print debug_print_parse debug_print_plan
  debug_print_rewritten default_transaction_deferrable default_transaction_read_only enable_bitmapscan
  enable_gathermerge enable_hashagg enable_hashjoin enable_incremental_sort enable_indexonlyscan enable_indexscan
  enable_material enable_mergejoin enable_nestloop enable_parallel_append enable_parallel_hash
  enable_partition_pruning enable_partitionwise_aggregate enable_partitionwise_join enable_seqscan enable_sort
  enable_tidscan exit_on_error fsync full_page_writes geqo hot_standby! hot_standby_feedback ignore_checksum_failure
  ignore_invalid_pages! ignore_system_indexes integer_datetimes^ jit jit_debugging_support jit_dump_bitcode
  jit_expressions jit_profiling_support jit_tuple_deforming krb_caseins_users lo_compat_privileges log_checkpoints
  log_disconnections log_duration log_executor_stats log_hostname log_lock_waits log_parser_stats log_planner_stats
  log_replication_commands log_statement_stats log_truncate_on_rotation logging_collector!
  parallel_leader_participation quote_all_identifiers recovery_target_inclusive! restart_after_crash row_security ssl
  ssl_passphrase_command_supports_reload ssl_prefer_server_ciphers standard_conforming_strings synchronize_seqscans
  syslog_sequence_numbers syslog_split_messages trace_notify trace_sort track_activities track_commit_timestamp!
  track_counts track_io_timing transaction_deferrable transaction_read_only transform_null_equals update_process_title
  wal_init_zero wal_log_hints! wal_receiver_create_temp_slot wal_recycle zero_damaged_pages
13-19 integer
  archive_timeout[s:0:1073741823] authentication_timeout[s:1:600] autovacuum_analyze_threshold[:0:2147483647]
  autovacuum_freeze_max_age![:100000:2000000000] autovacuum_multixact_freeze_max_age![:10000:2000000000]
  autovacuum_naptime[s:1:2147483] autovacuum_vacuum_cost_limit[:-1:10000]
  autovacuum_vacuum_insert_threshold[:-1:2147483647] autovacuum_vacuum_threshold[:0:2147483647]
  autovacuum_work_mem[kB:-1:2147483647] backend_flush_after[8kB:0:256] bgwriter_delay[ms:10:10000]
  bgwriter_flush_after[8kB:0:256] bgwriter_lru_maxpages[:0:1073741823] block_size^[:8192:8192]
  checkpoint_flush_after[8kB:0:256] checkpoint_timeout[s:30:86400] checkpoint_warning[s:0:2147483647]
  commit_delay[:0:100000] commit_siblings[:0:1000] data_directory_mode^[:0:511] deadlock_timeout[ms:1:2147483647]
  default_statistics_target[:1:10000] effective_cache_size[8kB:1:2147483647] effective_io_concurrency[:0:1000]
  extra_float_digits[:-15:3] from_collapse_limit[:1:2147483647] geqo_effort[:1:10] geqo_generations[:0:2147483647]
  geqo_pool_size[:0:2147483647] geqo_threshold[:2:2147483647] gin_fuzzy_search_limit[:0:2147483647]
  gin_pending_list_limit[kB:64:2147483647] idle_in_transaction_session_timeout[ms:0:2147483647]
  join_collapse_limit[:1:2147483647] lock_timeout[ms:0:2147483647] log_autovacuum_min_duration[ms:-1:2147483647]
  log_file_mode[:0:511] log_min_duration_sample[ms:-1:2147483647] log_min_duration_statement[ms:-1:2147483647]
  log_parameter_max_length[B:-1:1073741823] log_parameter_max_length_on_error[B:-1:1073741823]
  log_rotation_age[min:0:35791394] log_temp_files[kB:-1:2147483647] logical_decoding_work_mem[kB:64:2147483647]
  maintenance_io_concurrency[:0:1000] max_connections![:1:262143] max_files_per_process![:64:2147483647]
  max_function_args^[:100:100] max_identifier_length^[:63:63] max_index_keys^[:32:32]
  max_locks_per_transaction![:10:2147483647] max_logical_replication_workers![:0:262143]
  max_parallel_maintenance_workers[:0:1024] max_parallel_workers[:0:1024] max_parallel_workers_per_gather[:0:1024]
  max_pred_locks_per_page[:0:2147483647] max_pred_locks_per_relation[:-2147483648:2147483647]
  max_pred_locks_per_transaction![:10:2147483647] max_prepared_transactions![:0:262143]
  max_replication_slots![:0:262143] max_slot_wal_keep_size[MB:-1:2147483647] max_stack_depth[kB:100:2147483647]
  max_standby_archive_delay[ms:-1:2147483647] max_standby_streaming_delay[ms:-1:2147483647]
  max_sync_workers_per_subscription[:0:262143] max_wal_senders![:0:262143] max_wal_size[MB:2:2147483647]
  max_worker_processes![:0:262143] min_parallel_index_scan_size[8kB:0:715827882]
  min_parallel_table_scan_size[8kB:0:715827882] min_wal_size[MB:2:2147483647] port![:1:65535]
  post_auth_delay[s:0:2147] pre_auth_delay[s:0:60] recovery_min_apply_delay[ms:0:2147483647]
  segment_size^[8kB:131072:131072] server_version_num^[:0:999999] shared_buffers![8kB:16:1073741823]
  statement_timeout[ms:0:2147483647] superuser_reserved_connections![:0:262143] tcp_keepalives_count[:0:2147483647]
  tcp_keepalives_idle[s:0:2147483647] tcp_keepalives_interval[s:0:2147483647] tcp_user_timeout[ms:0:2147483647]
  temp_buffers[8kB:100:1073741823] temp_file_limit[kB:-1:2147483647] track_activity_query_size![B:100:1048576]
  unix_socket_permissions![:0:511] vacuum_cost_limit[:1:10000] vacuum_cost_page_dirty[:0:10000]
  vacuum_cost_page_hit[:0:10000] vacuum_cost_page_miss[:0:10000] vacuum_freeze_min_age[:0:1000000000]
  vacuum_freeze_table_age[:0:2000000000] vacuum_multixact_freeze_min_age[:0:1000000000]
  vacuum_multixact_freeze_table_age[:0:2000000000] wal_block_size^[:8192:8192] wal_buffers![8kB:-1:262143]
  wal_keep_size[MB:0:2147483647] wal_receiver_status_interval[s:0:2147483] wal_receiver_timeout[ms:0:2147483647]
  wal_retrieve_retry_interval[ms:1:2147483647] wal_segment_size^[B:1048576:1073741824]
  wal_sender_timeout[ms:0:2147483647] wal_skip_threshold[kB:0:2147483647] wal_writer_delay[ms:1:10000]
  wal_writer_flush_after[8kB:0:2147483647] work_mem[kB:64:2147483647]
13-19 real
  autovacuum_analyze_scale_factor[:0:100] autovacuum_vacuum_cost_delay[ms:-1:100]
  autovacuum_vacuum_insert_scale_factor[:0:100] autovacuum_vacuum_scale_factor[:0:100] bgwriter_lru_multiplier[:0:10]
  checkpoint_completion_target[:0:1] cpu_index_tuple_cost[:0:1.79769e+308] cpu_operator_cost[:0:1.79769e+308]
  cpu_tuple_cost[:0:1.79769e+308] cursor_tuple_fraction[:0:1] geqo_seed[:0:1] geqo_selection_bias[:1.5:2]
  hash_mem_multiplier[:1:1000] jit_above_cost[:-1:1.79769e+308] jit_inline_above_cost[:-1:1.79769e+308]
  jit_optimize_above_cost[:-1:1.79769e+308] log_statement_sample_rate[:0:1] log_transaction_sample_rate[:0:1]
  parallel_setup_cost[:0:1.79769e+308] parallel_tuple_cost[:0:1.79769e+308] random_page_cost[:0:1.79769e+308]
  seq_page_cost[:0:1.79769e+308] vacuum_cost_delay[ms:0:100]
13-19 enum
  archive_mode![always|on|off] backslash_quote[safe_encoding|on|off] bytea_output[escape|hex]
  client_min_messages[debug5|debug4|debug3|debug2|debug1|log|notice|warning|error]
  constraint_exclusion[partition|on|off]
  default_transaction_isolation[serializable|repeatable~read|read~committed|read~uncommitted]
  dynamic_shared_memory_type![posix|sysv|mmap] huge_pages![off|on|try]
  intervalstyle[postgres|postgres_verbose|sql_standard|iso_8601] log_error_verbosity[terse|default|verbose]
  log_min_error_statement[debug5|debug4|debug3|debug2|debug1|info|notice|warning|error|log|fatal|panic]
  log_statement[none|ddl|mod|all] password_encryption[md5|scram-sha-256]
  plan_cache_mode[auto|force_generic_plan|force_custom_plan] recovery_target_action![pause|promote|shutdown]
  session_replication_role[origin|replica|local] shared_memory_type![sysv|mmap]
  ssl_max_protocol_version[|TLSv1|TLSv1.1|TLSv1.2|TLSv1.3] ssl_min_protocol_version[TLSv1|TLSv1.1|TLSv1.2|TLSv1.3]
  synchronous_commit[local|remote_write|remote_apply|on|off]
  syslog_facility[local0|local1|local2|local3|local4|local5|local6|local7] track_functions[none|pl|all]
  transaction_isolation[serializable|repeatable~read|read~committed|read~uncommitted]
  wal_level![minimal|replica|logical] wal_sync_method[fsync|fdatasync|open_sync|open_datasync] xmlbinary[base64|hex]
  xmloption[content|document]
13-19 string
  application_name archive_cleanup_command archive_command backtrace_functions bonjour_name! client_encoding
  cluster_name! config_file! data_directory! datestyle default_table_access_method default_tablespace
  default_text_search_config dynamic_library_path event_source! external_pid_file! hba_file! ident_file! jit_provider!
  krb_server_keyfile lc_messages lc_monetary lc_numeric lc_time listen_addresses! local_preload_libraries
  log_destination log_directory log_filename log_line_prefix log_timezone primary_conninfo primary_slot_name
  recovery_end_command recovery_target! recovery_target_lsn! recovery_target_name! recovery_target_time!
  recovery_target_timeline! recovery_target_xid! restrict_nonsystem_relation_kind search_path server_encoding^
  server_version^ session_preload_libraries shared_preload_libraries! ssl_ca_file ssl_cert_file ssl_ciphers
  ssl_crl_file ssl_dh_params_file ssl_key_file ssl_library^ ssl_passphrase_command synchronous_standby_names
  syslog_ident temp_tablespaces timezone timezone_abbreviations unix_socket_directories! unix_socket_group!
  wal_consistency_checking
13-18 bool
  escape_string_warning
13-18 enum
  log_min_messages[debug5|debug4|debug3|debug2|debug1|info|notice|warning|error|log|fatal|panic]
14-19 bool
  enable_async_append enable_memoize in_hot_standby^ log_recovery_conflict_waits remove_temp_files_after_crash
  track_wal_io_timing
14-19 integer
  client_connection_check_interval[ms:0:2147483647] debug_discard_caches[:0:0] huge_page_size![kB:0:2147483647]
  idle_session_timeout[ms:0:2147483647] min_dynamic_shared_memory![MB:0:2147483647] vacuum_failsafe_age[:0:2100000000]
  vacuum_multixact_failsafe_age[:0:2100000000]
14-19 enum
  compute_query_id[auto|regress|on|off] default_toast_compression[pglz|lz4] recovery_init_sync_method[fsync|syncfs]
14-19 string
  restore_command ssl_crl_dir
13-17 bool
  log_connections
13-17 integer
  autovacuum_max_workers![:1:262143] log_rotation_size[kB:0:2097151]
13-17 string
  extension_destdir ssl_ecdh_curve
15-19 integer
  log_startup_progress_interval[ms:0:2147483647] shared_memory_size^[MB:0:2147483647]
  shared_memory_size_in_huge_pages^[:-1:2147483647] wal_decode_buffer_size![B:65536:1073741823]
15-19 real
  recursive_worktable_factor[:0.001:1e+06]
15-19 enum
  recovery_prefetch[off|on|try] stats_fetch_consistency[none|cache|snapshot] wal_compression[pglz|lz4|zstd|on|off]
15-19 string
  archive_library
13-16 bool
  db_user_namespace
13-16 integer
  maintenance_work_mem[kB:1024:2147483647] old_snapshot_threshold![min:-1:86400]
13-16 enum
  trace_recovery_messages[debug5|debug4|debug3|debug2|debug1|log|notice|warning|error]
16-19 bool
  enable_presorted_aggregate gss_accept_delegation send_abort_for_crash send_abort_for_kill
16-19 integer
  max_parallel_apply_workers_per_subscription[:0:1024] reserved_connections![:0:262143]
  scram_iterations[:1:2147483647] vacuum_buffer_usage_limit[kB:0:16777216]
16-19 enum
  debug_logical_replication_streaming[buffered|immediate] debug_parallel_query[off|on|regress]
  file_extend_method[posix_fallocate|write_zeros]
  icu_validation_level[disabled|debug5|debug4|debug3|debug2|debug1|log|notice|warning|error]
16-19 string
  createrole_self_grant debug_io_direct!
13-15 integer
  vacuum_defer_cleanup_age[:0:1000000]
13-15 enum
  force_parallel_mode[off|on|regress]
13-15 string
  lc_collate^ lc_ctype^ promote_trigger_file
17-19 bool
  allow_alter_system enable_group_by_reordering event_triggers summarize_wal sync_replication_slots
  trace_connection_negotiation!
17-19 integer
  commit_timestamp_buffers![8kB:0:131072] maintenance_work_mem[kB:64:2147483647]
  max_notify_queue_pages![:64:2147483647] multixact_member_buffers![8kB:16:131072]
  multixact_offset_buffers![8kB:16:131072] notify_buffers![8kB:16:131072] serializable_buffers![8kB:16:131072]
  subtransaction_buffers![8kB:0:131072] transaction_buffers![8kB:0:131072] transaction_timeout[ms:0:2147483647]
  wal_summary_keep_time[min:0:35791394]
17-19 enum
  huge_pages_status^[off|on|unknown]
17-19 string
  output_plugin_libraries synchronized_standby_slots
13-14 bool
  wal_compression
13-14 string
  stats_temp_directory
18-19 bool
  enable_distinct_reordering enable_self_join_elimination log_lock_failures md5_password_warnings
  track_cost_delay_timing vacuum_truncate
18-19 integer
  autovacuum_max_workers[:1:262143] autovacuum_vacuum_max_threshold[:-1:2147483647]
  autovacuum_worker_slots![:1:262143] idle_replication_slot_timeout[s:0:2147483647] io_combine_limit[8kB:1:128]
  io_max_combine_limit![8kB:1:128] io_max_concurrency![:-1:1024] log_rotation_size[kB:0:2147483647]
  max_active_replication_origins![:0:262143] num_os_semaphores^[:0:2147483647]
18-19 real
  vacuum_max_eager_freeze_failure_rate[:0:1]
18-19 enum
  file_copy_method[copy|clone] io_method![sync|worker|io_uring]
18-19 string
  extension_control_path log_connections oauth_validator_libraries ssl_groups ssl_tls13_ciphers
13-13 bool
  operator_precedence_warning
13-13 real
  vacuum_cleanup_index_scale_factor[:0:1e+10]
13-13 string
  restore_command!
17-17 integer
  io_combine_limit[8kB:1:32]
17-17 enum
  composite_type_mismatch[error|warn|disabled]
18-18 integer
  io_workers[:1:32]
19-19 bool
  debug_exec_backend^ debug_print_raw_parse enable_eager_aggregate ssl_sni
19-19 integer
  autovacuum_max_parallel_workers[:0:1024] io_max_workers[:1:32] io_min_workers[:1:32]
  io_worker_idle_timeout[ms:0:2147483647] io_worker_launch_interval[ms:0:2147483647]
  log_autoanalyze_min_duration[ms:-1:2147483647] max_repack_replication_slots![:0:262143]
  password_expiration_warning_threshold[s:0:2147483647] wal_sender_shutdown_timeout[ms:-1:2147483647]
19-19 real
  autovacuum_analyze_score_weight[:0:10] autovacuum_freeze_score_weight[:0:10]
  autovacuum_multixact_freeze_score_weight[:0:10] autovacuum_vacuum_insert_score_weight[:0:10]
  autovacuum_vacuum_score_weight[:0:10] min_eager_agg_group_size[:0:1.79769e+308]
19-19 enum
  effective_wal_level^[minimal|replica|logical] timing_clock_source[auto|system|tsc]
19-19 string
  hosts_file! log_min_messages
"""


@lru_cache(maxsize=8)
def known_settings(version: int) -> dict[str, Kind]:
    """What a server of this version as distributions build it knows, by lower-case name; contexts are coarse."""
    kinds: dict[str, Kind] = {}
    applies, vartype = False, ""
    for line in _TABLE.splitlines():
        heading = _HEADING.match(line)
        if heading is not None:
            applies, vartype = int(heading.group(1)) <= version <= int(heading.group(2)), heading.group(3)
        elif applies:
            kinds.update(_read(word, vartype) for word in line.split())
    return kinds


def _read(word: str, vartype: str) -> tuple[str, Kind]:
    found = _WORD.match(word)
    if found is None:
        raise ValueError(word)
    name, mark, details = found.groups()
    context = _CONTEXTS[mark]
    if vartype == "enum":
        return name, Kind(vartype, None, context, enum_values=tuple(details.replace("~", " ").split("|")))
    if details is None:
        return name, Kind(vartype, None, context)
    unit, least, most = details.split(":")
    return name, Kind(vartype, unit or None, context, least, most)
