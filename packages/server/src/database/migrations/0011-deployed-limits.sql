-- What a deployed copy may use, frozen with it: {memoryMb, cpus, timeoutSeconds, network, allowList}, null in it means
-- the server's default. A change of the version counts for its sites with the next synchronization.
ALTER TABLE connector_versions ADD COLUMN dev_limits json, ADD COLUMN prod_limits json;

UPDATE connector_versions v SET
  dev_limits = CASE WHEN v.dev_config IS NOT NULL THEN own.limits END,
  prod_limits = CASE WHEN v.prod_config IS NOT NULL THEN own.limits END
FROM (
  SELECT id, json_build_object('memoryMb', memory_mb, 'cpus', cpus, 'timeoutSeconds', timeout_seconds,
    'network', network, 'allowList', to_json(allow_list)) AS limits
  FROM connector_versions
) own WHERE own.id = v.id AND (v.dev_config IS NOT NULL OR v.prod_config IS NOT NULL);
