// SPDX-License-Identifier: Apache-2.0
//! Stories over real things, all in one binary, each in its own file.

#![expect(
    clippy::unwrap_used,
    reason = "a story that cannot go on says where by panicking"
)]

mod adapters_table;
mod binlog_feed;
mod binlog_server;
mod binlog_story;
mod binlog_types;
mod demo_runs;
mod drift_access;
mod drift_mysql;
mod hospital_loads;
mod hyderabad_counts;
mod hyderabad_export;
mod hyderabad_gateway;
mod hyderabad_hospital;
mod hyderabad_own;
mod hyderabad_patients;
mod hyderabad_records;
mod hyderabad_stays;
mod integrator_badin;
mod karachi_counts;
mod karachi_gateway;
mod karachi_hospital;
mod karachi_legacy;
mod karachi_loads;
mod karachi_observations;
mod karachi_own;
mod karachi_people;
mod karachi_visits;
mod ledger_file;
mod mssql_compliance;
mod mssql_faults;
mod mssql_gateway;
mod mssql_names;
mod mssql_rowversion;
mod mssql_tls;
mod mssql_tracking;
mod mssql_types;
mod mysql_compliance;
mod mysql_concurrency;
mod mysql_latin1;
mod mysql_plans;
mod mysql_readonly;
mod mysql_restart;
mod mysql_tls;
mod mysql_types;
mod node_program;
mod odbc_compliance;
mod odbc_drivers;
mod odbc_ground;
mod odbc_postgres;
mod odbc_readonly;
mod odbc_types;
mod odbc_values;
mod pack_counts;
mod pack_gateway;
mod pack_hospital;
mod pack_legacy;
mod pack_own;
mod pack_patients;
mod pack_records;
mod pack_sharing;
mod pack_visits;
mod rh_check;
mod story_channels;
mod story_clients;
mod story_day2;
mod story_disk_full;
mod story_door;
mod story_kill;
mod story_log;
mod story_network;
mod story_outage;
mod story_record;
mod story_scan;
mod story_scene;
mod story_sealed;
mod story_sharing;
mod story_tamper;
mod validators;
